// What is known of one room: a pure state, fed events, signals and pages of history.

/** @typedef {import('./chat-types.js').Message} Message */
/** @typedef {import('./chat-types.js').RoomEvent} RoomEvent */
/** @typedef {Message & {asOf: number}} Held  a message and the last `seq` that is in it */

const byUser = (list) => new Map((list ?? []).map((entry) => [entry.user, entry]));

const STEPS = ['sent', 'delivered', 'read'];

export class RoomState {
  /** @param {import('./chat-types.js').Room} room @param {string} me */
  constructor(room, me) {
    this.id = room.id;
    this.me = me;
    /** Messages from the oldest loaded one to the head, without a hole, once `loaded`. @type {Map<number, Held>} */
    this.messages = new Map();
    /** Messages quoted by others, of which only the one is known. @type {Map<number, Held>} */
    this.quoted = new Map();
    /** Comings and goings seen live; their `type` is that of the event. */
    this.notices = [];
    /** Own messages without an answer. */
    this.outgoing = [];
    /** @type {Map<string, {user: string, read: number, delivered: number}>} */
    this.pointers = new Map();
    /** @type {Map<string, import('./chat-types.js').Member>|null} */
    this.members = null;
    /** Who is typing, until when. @type {Map<string, number>} */
    this.typing = new Map();
    this.loaded = false;
    this.hasOlder = true;
    /** Whether what was unread was too much to load. */
    this.tooMuch = false;
    /** Whether `pointers` has everybody's. */
    this.pointersKnown = false;
    this.onlineCount = null;
    this.unread = 0;
    this.mentions = 0;
    this.read = 0;
    this.last = null;
    this.head = 0;
    this.activity = '';
    /** Pages under way, and the events that arrived meanwhile. */
    this.loads = 0;
    /** @type {RoomEvent[]} */
    this.meanwhile = [];
    this.generation = 0;
    this.describe(room);
  }

  /** Takes a description from a read (welcome, GET): true as of its head. */
  describe(room) {
    for (const field of ['name', 'kind', 'role', 'peer', 'metadata']) if (room[field] !== undefined) this[field] = room[field];
    // What was read before events that are known says nothing about who is in it now.
    const isNew = (room.head ?? 0) >= this.head;
    if (room.member_count !== undefined && (isNew || this.member_count === undefined)) this.member_count = room.member_count;
    if (room.members && (isNew || !this.members)) {
      this.members = byUser(room.members);
      const own = this.members.get(this.me);
      if (own) this.role = own.role;
      if (this.kind === 'direct') this.peer ??= [...this.members.keys()].find((user) => user !== this.me);
    }
    for (const pointer of room.pointers ?? []) this.point(pointer);
    if (room.pointers) this.pointersKnown = true;
    const head = room.head ?? 0;
    if (head >= this.head) {
      this.head = head;
      // An answer from before the last reading says nothing about what is unread now.
      if ((room.read ?? 0) >= this.read) {
        if (room.unread !== undefined) this.unread = room.unread;
        if (room.mentions !== undefined) this.mentions = room.mentions;
      }
      if (room.last_message !== undefined) this.setLast(room.last_message);
    }
    if (room.read !== undefined) this.read = Math.max(this.read, room.read);
    const moved = room.last_message?.at ?? room.created_at ?? '';
    if (moved > this.activity) this.activity = moved;
  }

  setLast(message) {
    if (!message || (this.last && message.seq < this.last.seq)) return;
    this.last = message;
    if (message.at > this.activity) this.activity = message.at;
  }

  /** Drops the messages: something before `head` was left out, or the whole log is another one. */
  forget(head = 0) {
    this.messages.clear();
    this.quoted.clear();
    this.notices = [];
    this.loaded = false;
    this.hasOlder = true;
    this.tooMuch = false;
    this.head = head;
    if (head === 0) this.last = null;
    this.meanwhile = [];
    this.generation += 1;
  }

  /** @param {RoomEvent} event */
  apply(event) {
    if (this.loads > 0) this.meanwhile.push(event);
    const fresh = event.seq > this.head;
    if (fresh) this.head = event.seq;
    switch (event.type) {
      case 'message':
        this.#arrived(event, fresh);
        break;
      case 'member_joined':
        this.members?.set(event.member.user, event.member);
        this.#counted(fresh, 1);
        this.#notice(event, event.member.user);
        break;
      case 'member_changed':
        this.#stands(event.member);
        this.#stands(event.former_owner);
        break;
      case 'member_left':
        this.members?.delete(event.user);
        this.#counted(fresh, -1);
        this.#stands(event.successor);
        this.pointers.delete(event.user);
        this.typing.delete(event.user);
        this.#notice(event, event.user);
        break;
      case 'room_changed': {
        const before = this.name;
        for (const field of ['name', 'kind', 'metadata']) if (event.room?.[field] !== undefined) this[field] = event.room[field];
        if (before !== this.name) this.#notice(event, event.actor);
        break;
      }
    }
    this.#change(event, this.messages);
    this.#change(event, this.quoted);
    if (this.last) {
      if (event.type === 'message_deleted' && event.target === this.last.seq) this.last = { ...this.last, deleted: true, content: '' };
      if (event.type === 'message_edited' && event.message.seq === this.last.seq) this.last = { ...this.last, ...event.message };
    }
  }

  /** @param {import('./chat-types.js').Member} [member]  as it is now */
  #stands(member) {
    if (!member) return;
    this.members?.set(member.user, member);
    if (member.user === this.me) this.role = member.role;
  }

  #counted(fresh, by) {
    if (fresh && this.member_count !== undefined) this.member_count = Math.max(0, this.member_count + by);
  }

  /** How many are in it; undefined where nobody said. A long list of members is cut. */
  get size() {
    return this.member_count ?? this.members?.size;
  }

  #notice(event, user) {
    if (this.loaded) this.notices.push({ seq: event.seq, at: event.at, type: event.type, user, actor: event.actor, reason: event.reason, name: this.name });
  }

  /** @param {RoomEvent} event */
  #arrived(event, fresh) {
    const { message } = event;
    this.typing.delete(event.actor);
    if (event.client_id && event.actor === this.me) this.dropOutgoing(event.client_id);
    // The newest page is there, though others below it may be under way.
    const hasEnd = this.loaded || this.messages.size > 0;
    if (hasEnd && !(this.messages.get(event.seq)?.asOf >= event.seq)) this.messages.set(event.seq, { ...message, client_id: event.client_id, asOf: event.seq });
    if (event.actor) this.point({ user: event.actor, read: event.seq, delivered: event.seq });
    this.setLast(message);
    if (!fresh) return;
    if (event.actor === this.me) {
      this.unread = 0;
      this.mentions = 0;
      this.read = Math.max(this.read, event.seq);
    } else if (message.kind !== 'system') {
      this.unread += 1;
      if (message.mentions?.includes(this.me)) this.mentions += 1;
    }
  }

  /**
   * Changes a message that is held, unless what is held already contains the change.
   * @param {RoomEvent} event
   * @param {Map<number, Held>} held
   */
  #change(event, held) {
    const target = event.type === 'message_edited' ? event.message.seq : event.target;
    const message = held.get(target);
    if (!message || event.seq <= message.asOf) return;
    const next = { ...message, asOf: event.seq };
    switch (event.type) {
      case 'message_edited': {
        if (event.message.version >= (message.version ?? 0)) Object.assign(next, event.message);
        if (event.message.deleted) Object.assign(next, { content: '', reactions: [] });
        break;
      }
      case 'message_deleted':
        Object.assign(next, { deleted: true, content: '', reactions: [], attachments: [], mentions: [] });
        break;
      case 'reaction_added':
      case 'reaction_removed':
        next.reactions = this.#react(message.reactions ?? [], event);
        break;
      default:
        return;
    }
    held.set(target, next);
  }

  #react(reactions, event) {
    const by = event.type === 'reaction_added' ? 1 : -1;
    const next = reactions.map((reaction) => ({ ...reaction }));
    let entry = next.find((reaction) => reaction.emoji === event.emoji);
    if (!entry) next.push((entry = { emoji: event.emoji, count: 0, mine: false }));
    entry.count += by;
    if (event.actor === this.me) entry.mine = by > 0;
    return next.filter((reaction) => reaction.count > 0);
  }

  /**
   * Takes a page of history: true at `as_of`; what arrived later, before the page did, is put on top.
   * @param {import('./chat-types.js').HistoryPage} page
   * @param {Map<number, Held>} [into]
   */
  merge(page, into = this.messages) {
    for (const message of page.messages) {
      const held = into.get(message.seq);
      if (!held || held.asOf < page.as_of) into.set(message.seq, { ...message, client_id: held?.client_id, asOf: page.as_of });
    }
    for (const event of this.meanwhile) {
      if (event.seq <= page.as_of) continue;
      if (event.type === 'message' && into === this.messages && !into.has(event.seq)) into.set(event.seq, { ...event.message, asOf: event.seq });
      this.#change(event, into);
    }
  }

  /** Runs one load, keeping what arrives meanwhile. @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  async loading(work) {
    this.loads += 1;
    try {
      return await work();
    } finally {
      this.loads -= 1;
      if (this.loads === 0) this.meanwhile = [];
    }
  }

  /** Messages in order. @returns {Held[]} */
  inOrder() {
    return [...this.messages.values()].sort((a, b) => a.seq - b.seq);
  }

  /** The oldest `seq` held. */
  oldest() {
    let oldest = Infinity;
    for (const seq of this.messages.keys()) oldest = Math.min(oldest, seq);
    return oldest;
  }

  /** The newest `seq` held. */
  newest() {
    let newest = null;
    for (const seq of this.messages.keys()) newest = Math.max(newest ?? 0, seq);
    return newest;
  }

  /** Whether messages lie unread and unloaded below those that are loaded: reading these does not read those. */
  get hasUnreadHole() {
    return this.tooMuch && this.hasOlder && this.oldest() > this.read + 1;
  }

  /** A receipt: pointers only go on. */
  point({ user, read = 0, delivered = 0 }) {
    const known = this.pointers.get(user);
    const pointer = { user, read: Math.max(known?.read ?? 0, read), delivered: Math.max(known?.delivered ?? 0, delivered, read) };
    this.pointers.set(user, pointer);
    if (user === this.me) this.read = Math.max(this.read, pointer.read);
  }

  /** How far an own message came. @returns {{state: "sent"|"delivered"|"read", read: number, of: number}} */
  progress(seq) {
    let others = 0;
    let read = 0;
    let delivered = 0;
    for (const user of this.members?.keys() ?? this.pointers.keys()) {
      if (user === this.me) continue;
      others += 1;
      const pointer = this.pointers.get(user);
      if (pointer && pointer.read >= seq) read += 1;
      if (pointer && pointer.delivered >= seq) delivered += 1;
    }
    const state = others > 0 && read === others ? 'read' : others > 0 && delivered === others ? 'delivered' : 'sent';
    return { state, read, of: others };
  }

  /** How far the latest message came, for the list of rooms; null where that is not known. */
  lastProgress() {
    const { seq, status } = this.last;
    const isKnown = this.pointersKnown || (this.kind === 'direct' && this.pointers.has(this.peer));
    const counted = isKnown ? this.progress(seq) : null;
    if (!status || (counted && STEPS.indexOf(counted.state) >= STEPS.indexOf(status))) return counted;
    return { state: status, read: 0, of: 0 };
  }

  dropOutgoing(clientId) {
    this.outgoing = this.outgoing.filter((item) => item.client_id !== clientId);
  }

  /** May the user add and remove here, and delete messages of others? */
  canManage() {
    return this.kind !== 'direct' && ['owner', 'moderator'].includes(this.role);
  }
}
