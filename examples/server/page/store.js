// All the page knows, kept up to date by the client; the views read it and are told what changed.

import { ChatClient, newClientId } from './chat-client.js';
import { History } from './history.js';
import { People } from './people.js';
import { RoomState } from './room-state.js';

const TYPING_MS = 7_000;

export class Store {
  /** @param {{token: string, user: string}} session */
  constructor({ token, user }) {
    this.me = user;
    /** @type {Map<number, RoomState>} */
    this.rooms = new Map();
    this.current = null;
    this.blocked = new Set();
    /** Own files by id: a message without an answer names them by that alone. @type {Map<string, import('./chat-types.js').Attachment>} */
    this.files = new Map();
    /** Where the line "new messages" stands in the open room. */
    this.newFrom = null;
    this.roomsLoaded = false;
    this.listeners = new Set();
    this.client = new ChatClient({ url: '/api/v1', token, outbox: { storage: localStorage, key: `chat.outbox.${user}` } });
    this.people = new People(this.client.rest, () => this.#changed('people'));
    this.history = new History(this.client, (room) => this.#changed('room', room.id));
    this.#listen();
  }

  /** @param {(topic: "rooms"|"room"|"people"|"connection"|"closed", room?: number) => void} listener */
  on(listener) {
    this.listeners.add(listener);
  }

  #changed(topic, room) {
    for (const listener of this.listeners) listener(topic, room);
  }

  #listen() {
    const { client } = this;
    client.on('state', (state) => {
      this.connection = state;
      this.#changed(state.state === 'closed' ? 'closed' : 'connection');
    });
    client.on('reset', () => {
      this.rooms.clear();
      this.roomsLoaded = false;
      this.welcomed = null;
      this.#changed('rooms');
    });
    client.on('welcome', (frame) => this.#onWelcome(frame));
    client.on('event', (event) => this.#onEvent(event));
    client.on('gap', ({ room_id, to }) => this.#lost(room_id, to));
    client.on('room_reset', ({ room_id }) => this.#lost(room_id, 0));
    client.on('room_added', ({ room }) => {
      this.#take(room);
      this.#changed('rooms');
      this.#changed('room', room.id);
    });
    client.on('unsubscribed', ({ room_id, reason }) => {
      if (reason !== 'requested') this.#gone(room_id, reason);
    });
    client.on('typing', ({ room_id, user, is_typing }) => {
      const room = this.rooms.get(room_id);
      if (!room || user === this.me || this.blocked.has(user)) return;
      if (is_typing) room.typing.set(user, performance.now() + TYPING_MS);
      else room.typing.delete(user);
      setTimeout(() => this.#forgetTyping(room), TYPING_MS + 50);
      this.#changed('room', room_id);
      this.#changed('rooms');
    });
    client.on('receipt', (receipt) => {
      const room = this.rooms.get(receipt.room_id);
      if (!room) return;
      room.point(receipt);
      this.#changed('room', room.id);
      this.#changed('rooms');
    });
    client.on('presence', (presence) => {
      if (presence.room_id !== undefined && presence.user === undefined) {
        const room = this.rooms.get(presence.room_id);
        if (room) room.onlineCount = presence.online;
      } else this.people.seen(presence);
      this.#changed('people');
    });
    client.on('unread', (frame) => this.#unread(frame));
    client.on('read', (frame) => {
      this.rooms.get(frame.room_id)?.point({ user: this.me, read: frame.read ?? 0 });
      this.#unread(frame);
    });
    client.on('blocked', ({ users }) => this.#block(users));
    client.on('outbox', (change) => this.#onOutbox(change));
  }

  #forgetTyping(room) {
    const now = performance.now();
    let gone = false;
    for (const [user, until] of room.typing) if (until <= now) gone = room.typing.delete(user) || gone;
    if (!gone) return;
    this.#changed('room', room.id);
    this.#changed('rooms');
  }

  #take(room) {
    let state = this.rooms.get(room.id);
    if (state) state.describe(room);
    else {
      this.rooms.set(room.id, (state = new RoomState(room, this.me)));
      for (const { client_id, draft } of this.client.outbox.items) if (draft.room_id === room.id) state.outgoing.push({ client_id, draft, state: 'queued', at: new Date().toISOString() });
    }
    if (state.kind === 'direct' && state.peer === undefined) this.#describe(state.id);
    return state;
  }

  async #describe(id) {
    const room = await this.client.rest.room(id);
    const state = this.rooms.get(id);
    state?.describe(room);
    this.#changed('room', id);
    this.#changed('rooms');
    return state;
  }

  #onWelcome(frame) {
    this.blocked = new Set((frame.blocked ?? []).map((entry) => entry?.user ?? entry));
    for (const room of frame.rooms ?? []) this.#take(room);
    this.#takePresence(frame.presence);
    this.#changed('rooms');
    this.#changed('people');
    const open = this.rooms.get(this.current);
    if (open) this.#freshen(open);
    // An older room: it is one's own all the same.
    else if (frame.heads?.[this.current] !== undefined) this.#fetch(this.current).catch(() => {});
    this.welcomed = frame;
    this.#loadOtherRooms(frame).then(() => this.#allLoaded(frame), () => {});
  }

  /** What is not there now is not one's own. */
  #allLoaded(frame) {
    if (this.welcomed !== frame) return;
    this.roomsLoaded = true;
    this.#changed('rooms');
    if (this.current === null) return;
    const open = this.rooms.get(this.current);
    if (!open) this.#changed('room', this.current);
    else if (!open.loaded && open.loads === 0) this.open(this.current);
  }

  /** A room that is not in what was read. */
  async #fetch(id) {
    const room = this.#take(await this.client.rest.room(id));
    if (id === this.current) this.open(id);
    else this.#changed('rooms');
    return room;
  }

  #takePresence(presence) {
    const list = Array.isArray(presence) ? presence : Object.entries(presence ?? {}).map(([user, entry]) => ({ user, ...(typeof entry === 'string' ? { status: entry } : entry) }));
    for (const entry of list) this.people.seen(entry);
  }

  /** The welcome has the latest rooms; the others come by pages. */
  async #loadOtherRooms(frame) {
    const missing = Object.keys(frame.heads ?? {}).some((id) => !this.rooms.has(Number(id)));
    if (!missing) return;
    let before;
    do {
      const page = await this.client.rest.rooms({ before, limit: 200 });
      // A reset, or a later welcome, has made these void.
      if (this.welcomed !== frame) return;
      for (const room of page.rooms) if (!this.rooms.has(room.id)) this.#take(room);
      before = page.next;
      this.#changed('rooms');
    } while (before);
  }

  #freshen(room) {
    if (!room.loaded) this.history.load(room).catch(() => {});
    this.#describe(room.id).catch(() => {});
    if (!this.client.isSubscribed(room.id)) this.client.subscribe(room.id).catch(() => {});
  }

  #onEvent(event) {
    let room = this.rooms.get(event.room_id);
    if (!room && event.type === 'room_deleted') return;
    if (!room) {
      // Faster than its description.
      this.client.rest.room(event.room_id).then((found) => {
        this.#take(found);
        this.#changed('rooms');
      }, () => {});
      return;
    }
    room.apply(event);
    if (event.type === 'room_deleted') return this.#gone(room.id, 'deleted');
    this.#changed('room', room.id);
    this.#changed('rooms');
  }

  /** Something was left out: what is held ends in the middle, so it is read again. */
  #lost(id, head) {
    const room = this.rooms.get(id);
    if (!room) return;
    room.forget(head);
    // How much is unread comes first: it says how much to load.
    this.#describe(id).catch(() => {}).then(() => id === this.current && this.history.load(room)).catch(() => {});
    this.#changed('room', id);
  }

  /** A room is no longer one's own. */
  #gone(id, reason) {
    const room = this.rooms.get(id);
    if (!room) return;
    this.lastGone = { id, title: this.title(room), reason: id === this.deleting ? 'left' : reason };
    this.rooms.delete(id);
    this.#changed('rooms');
    this.#changed('room', id);
  }

  #unread({ room_id, unread, mentions }) {
    const room = this.rooms.get(room_id);
    if (!room) return;
    if (unread !== undefined) room.unread = unread;
    if (mentions !== undefined) room.mentions = mentions;
    this.#changed('rooms');
  }

  // --- rooms ----------------------------------------------------------------------------------

  /** Rooms with the latest activity first. */
  sorted() {
    return [...this.rooms.values()].sort((a, b) => (a.activity < b.activity ? 1 : a.activity > b.activity ? -1 : b.id - a.id));
  }

  /** @param {RoomState} room */
  title(room) {
    if (room.kind === 'direct') return room.peer === undefined ? '…' : this.people.name(room.peer);
    return room.name || 'Unnamed room';
  }

  totalUnread() {
    let total = 0;
    for (const room of this.rooms.values()) total += room.unread;
    return total;
  }

  /** @param {number|null} id */
  open(id) {
    this.current = id;
    this.newFrom = null;
    const room = this.rooms.get(id);
    if (room) {
      if (room.unread > 0) this.newFrom = room.read;
      this.#freshen(room);
    }
    this.#changed('rooms');
    if (id !== null) this.#changed('room', id);
  }

  /** Makes a room and opens it. */
  async create(room) {
    const made = await this.client.rest.createRoom(room);
    this.#take(made);
    this.#changed('rooms');
    return made.id;
  }

  async join(id) {
    await this.client.rest.join(id);
    await this.#take(await this.client.rest.room(id));
    if (!this.client.isSubscribed(id)) this.client.subscribe(id).catch(() => {});
    this.#changed('rooms');
  }

  async leave(id) {
    await this.client.rest.leave(id);
    this.#gone(id, 'left');
  }

  async deleteRoom(id) {
    this.deleting = id;
    await this.client.rest.deleteRoom(id);
    this.#gone(id, 'left');
  }

  async rename(id, name) {
    await this.client.rest.changeRoom(id, { name });
  }

  async addMembers(id, users) {
    await this.client.rest.addMembers(id, users);
    await this.#describe(id);
  }

  async removeMember(id, user) {
    await this.client.rest.removeMember(id, user);
    await this.#describe(id);
  }

  async setRole(id, user, role) {
    await this.client.rest.changeMember(id, user, { role });
    await this.#describe(id);
  }

  async block(user, yes) {
    if (yes) await this.client.rest.block(user);
    else await this.client.rest.unblock(user);
    this.#block([...this.blocked].filter((each) => each !== user).concat(yes ? [user] : []));
  }

  /** All whom one has blocked, here or in another window. */
  #block(users) {
    const released = [...this.blocked].filter((user) => !users.includes(user));
    // Of those nothing was told meanwhile.
    if (released.length > 0) this.client.rest.presence(released).then(({ presence }) => {
      this.#takePresence(presence);
      this.#changed('people');
    }, () => {});
    this.blocked = new Set(users);
    for (const room of this.rooms.values()) for (const user of users) room.typing.delete(user);
    this.#changed('room', this.current);
    this.#changed('rooms');
    this.#changed('people');
  }

  // --- messages -------------------------------------------------------------------------------

  /** @param {RoomState} room @param {{content: string, reply_to?: number, mentions?: string[], attachments?: import('./chat-types.js').Attachment[]}} draft */
  send(room, { content, reply_to, mentions, attachments }) {
    const draft = { room_id: room.id, client_id: newClientId(), content };
    if (reply_to) draft.reply_to = reply_to;
    if (mentions?.length) draft.mentions = mentions;
    if (attachments?.length) {
      for (const file of attachments) this.files.set(file.id, file);
      draft.attachments = attachments.map((file) => file.id);
    }
    this.newFrom = null;
    const sent = this.client.send(draft);
    // A refusal is shown beside the message itself.
    sent.catch(() => {});
    return sent;
  }

  /** Read up to `seq`: shown at once, told to the server in its own time. @param {RoomState} room @param {number} seq */
  read(room, seq) {
    this.client.read(room.id, seq);
    room.read = Math.max(room.read, seq);
    if (room.unread === 0 || seq < (room.newest() ?? 0)) return;
    room.unread = 0;
    room.mentions = 0;
    this.#changed('rooms');
  }

  #onOutbox({ client_id, draft, state, result, error }) {
    const room = this.rooms.get(draft.room_id);
    if (!room) return;
    const item = room.outgoing.find((entry) => entry.client_id === client_id);
    if (state === 'queued' && !item) room.outgoing.push({ client_id, draft, state, at: new Date().toISOString() });
    else if (state === 'sent') {
      room.dropOutgoing(client_id);
      for (const id of draft.attachments ?? []) this.files.delete(id);
      // The answer may be faster than the event.
      const known = room.messages.get(result.seq);
      if (known) known.client_id = client_id;
      else if (result.message && room.loaded) room.messages.set(result.seq, { ...result.message, client_id, asOf: result.seq });
      room.setLast(result.message);
    } else if (item) Object.assign(item, { state, error });
    this.#changed('room', room.id);
    this.#changed('rooms');
  }

  /** A failed message once more. It was refused, so it goes as a new one. */
  retry(room, clientId) {
    const item = room.outgoing.find((entry) => entry.client_id === clientId);
    if (!item || item.state !== 'failed' || this.client.outbox.isFull) return;
    room.dropOutgoing(clientId);
    this.send(room, { ...item.draft, attachments: this.filesOf(item.draft) });
  }

  /** The files that a message without an answer names; of those from before this page only the id is known. @param {import('./chat-types.js').Draft} draft */
  filesOf(draft) {
    return (draft.attachments ?? []).map((id) => this.files.get(id) ?? { id, name: 'File', kind: 'file' });
  }

  discard(room, clientId) {
    for (const id of room.outgoing.find((entry) => entry.client_id === clientId)?.draft.attachments ?? []) {
      this.files.delete(id);
      // What is not removed here the server collects by itself.
      this.client.rest.removeAttachment(id).catch(() => {});
    }
    room.dropOutgoing(clientId);
    this.#changed('room', room.id);
    this.#changed('rooms');
  }

  /** @param {RoomState} room @param {number} seq @param {string} emoji */
  toggleReaction(room, seq, emoji) {
    const mine = room.messages.get(seq)?.reactions?.some((reaction) => reaction.emoji === emoji && reaction.mine);
    return mine ? this.client.unreact(room.id, seq, emoji) : this.client.react(room.id, seq, emoji);
  }
}
