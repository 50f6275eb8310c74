/**
 * The protocol client: one module, no dependency, for any page (or Node 22 and later).
 *
 *   import { ChatClient } from './chat-client.js';
 *   const chat = new ChatClient({ url: '/api/v1', token, refreshToken: async () => fetchToken() });
 *   chat.on('welcome', ({ rooms }) => showRooms(rooms));
 *   chat.on('event', (event) => apply(event));            // each event once, in order, per room
 *   chat.on('gap', ({ room_id }) => reload(room_id));     // too far behind: read the history again
 *   chat.on('reset', () => forgetEverything());           // the server's data went back: start over
 *   await chat.connect();
 *   const { messages, as_of } = await chat.history(7, { limit: 50 });
 *   await chat.send({ room_id: 7, content: 'hello' });    // kept, ordered and repeated until answered
 *
 * What it does for you: says hello with a cursor per room and so resumes where it was after every
 * reconnect; drops repeats and notices holes; notices a dead or deaf connection; backs off; obeys
 * close codes; keeps an outbox whose messages are stored once however often they are sent.
 *
 * What is left to you: apply an event only to what is older than it. An answer of `history` is the
 * state at `as_of`; events up to `as_of` are already in it.
 */

/** @typedef {number} RoomId  a whole number up to 2^53-1 */
/** @typedef {number} Seq     place in a room's log: dense, from 1 */
/** @typedef {string} UserId  opaque text */
/** @typedef {string} Time    RFC 3339, UTC, milliseconds */

/**
 * @typedef {object} Reaction
 * @property {string} emoji
 * @property {number} count
 * @property {boolean} mine
 */
/**
 * @typedef {object} Message
 * @property {number} id
 * @property {RoomId} room_id
 * @property {Seq} seq                 names the message inside its room
 * @property {UserId|null} sender      null: the host
 * @property {string} kind             "text", "system", or the host's own
 * @property {string} content          empty where deleted
 * @property {Time} at
 * @property {Time} [edited_at]
 * @property {number} version          grows with every edit
 * @property {boolean} [deleted]
 * @property {Seq} [reply_to]
 * @property {Seq} [thread]
 * @property {UserId[]} [mentions]
 * @property {object[]} [attachments]
 * @property {object} [metadata]
 * @property {Reaction[]} [reactions]  in reads only, never in events
 * @property {object} [replies]        in reads only, where it heads a thread
 */
/**
 * @typedef {object} Member
 * @property {UserId} user
 * @property {string} role             "owner", "moderator" or "member"
 * @property {Time} [joined_at]
 * @property {Time} [muted_until]
 */
/**
 * @typedef {object} Pointers
 * @property {UserId} user
 * @property {Seq} read
 * @property {Seq} delivered
 */
/**
 * A room as `welcome`, `room_added` and GET /rooms give it; GET /rooms/{id} adds the last two.
 * @typedef {object} Room
 * @property {RoomId} id
 * @property {string} [name]
 * @property {"direct"|"group"|"public"} kind
 * @property {string} [role]           the own one
 * @property {Seq} head
 * @property {Seq} [read]              the own read pointer
 * @property {number} [unread]
 * @property {number} [mentions]       unread messages that mention the user
 * @property {Message} [last_message]  content cut at 200 characters
 * @property {UserId} [peer]           the other one of a direct room
 * @property {Member[]} [members]
 * @property {Pointers[]} [pointers]
 */
/**
 * @typedef {object} Profile
 * @property {UserId} id
 * @property {string} [name]
 * @property {string} [username]
 * @property {string} [avatar]
 * @property {string} [role]
 * @property {boolean} [online]
 * @property {Time} [last_seen]
 */
/**
 * @typedef {object} Presence
 * @property {UserId} user
 * @property {"online"|"away"|"offline"} status
 * @property {Time} [last_seen]
 */
/**
 * @typedef {object} WelcomeFrame
 * @property {"welcome"} type
 * @property {UserId} user
 * @property {string|number} connection_id
 * @property {string} epoch
 * @property {boolean} [reset]         the cursors of `hello` are void: drop everything, load anew
 * @property {number} heartbeat_ms
 * @property {object} limits
 * @property {Room[]} rooms            the 50 latest in full
 * @property {Object<string, Seq>} heads  of every subscribed room
 * @property {RoomId[]} gone           rooms of `hello` that can no longer be read
 * @property {UserId[]} blocked
 * @property {Presence[]} presence
 */
/**
 * A durable change of a room, one for each `seq`.
 * @typedef {object} RoomEvent
 * @property {"room_created"|"message"|"message_edited"|"message_deleted"|"reaction_added"|"reaction_removed"|"member_joined"|"member_left"|"member_changed"|"room_changed"|"room_deleted"} type
 * @property {RoomId} room_id
 * @property {Seq} seq
 * @property {Time} at
 * @property {UserId|null} actor       null: the host
 * @property {string} [client_id]
 * @property {Message} [message]       message, message_edited: the message as it is now
 * @property {Seq} [target]            message_deleted, reaction_added, reaction_removed
 * @property {string} [emoji]          reaction_added, reaction_removed
 * @property {Member} [member]         member_joined, member_changed
 * @property {UserId} [user]           member_left
 * @property {string} [reason]         member_left
 * @property {Room} [room]             room_created, room_changed
 */
/** @typedef {{type: "typing", room_id: RoomId, user: UserId, is_typing: boolean}} TypingFrame */
/** @typedef {{type: "receipt", room_id: RoomId, user: UserId, read: Seq, delivered: Seq}} ReceiptFrame */
/** @typedef {{type: "presence", user?: UserId, status?: string, last_seen?: Time, room_id?: RoomId, online?: number}} PresenceFrame */
/** @typedef {{type: "unread", room_id: RoomId, unread: number, mentions: number}} UnreadFrame */
/** @typedef {{type: "gap", room_id: RoomId, from: Seq, to: Seq}} GapFrame */
/** @typedef {{type: "room_added", room: Room}} RoomAddedFrame */
/** @typedef {{type: "unsubscribed", room_id: RoomId, reason: "left"|"removed"|"banned"|"deleted"|"requested"|"gone"}} UnsubscribedFrame */
/** @typedef {{type: "token_expiring", in_ms: number}} TokenExpiringFrame */
/** @typedef {{type: "bye", reason: string, reconnect_after_ms?: number}} ByeFrame */
/** @typedef {{type: "error", id?: number, code: string, message: string, retryable: boolean, retry_after_ms?: number, field?: string}} ErrorFrame */
/**
 * A message to send. One of `room_id` and `to_user` names where to.
 * @typedef {object} Draft
 * @property {RoomId} [room_id]
 * @property {UserId} [to_user]
 * @property {string} content
 * @property {string} [kind]
 * @property {string} [client_id]      made here where absent
 * @property {Seq} [reply_to]
 * @property {Seq} [thread]
 * @property {UserId[]} [mentions]
 * @property {Array} [attachments]
 * @property {object} [metadata]
 */
/** @typedef {{room_id: RoomId, seq: Seq, message: Message, repeat: boolean}} SendResult */
/** @typedef {{messages: Message[], as_of: Seq, more: boolean}} HistoryPage */
/** @typedef {"idle"|"connecting"|"ready"|"waiting"|"closed"} ConnectionState */

// ---------------------------------------------------------------------------------------------
// Pure pieces. None of them knows a socket or a clock: they are told what happened and what time
// it is, and say what to do.

/** An error of the server (`code` is the protocol's) or of this client (`offline`, `closed`, `timeout`, `outbox_full`). */
export class ChatError extends Error {
  /** @param {{code?: string, message?: string, retryable?: boolean, retry_after_ms?: number, field?: string, status?: number}} about */
  constructor(about) {
    super(about.message || about.code || 'unknown error');
    this.name = 'ChatError';
    this.code = about.code || 'internal';
    this.retryable = about.retryable === true || RETRYABLE.has(this.code);
    this.retry_after_ms = about.retry_after_ms;
    this.field = about.field;
    this.status = about.status;
  }
}

/** Codes after which the same command may be sent again, whatever `retryable` says. */
const RETRYABLE = new Set(['rate_limited', 'unavailable', 'outcome_unknown']);

/**
 * What to do when a connection ends with a close code.
 * @param {number} code
 * @returns {"resume"|"wait"|"refresh"|"stop"}
 */
export function closeAction(code) {
  switch (code) {
    case 4400: // we spoke the protocol badly: doing so again helps nobody
    case 4403: // not allowed in
    case 4409: // one connection too many, and this was the oldest
    case 1009: // we sent something too large
      return 'stop';
    case 4401: // the token is not, or no longer, good
      return 'refresh';
    case 4429: // we sent too much
      return 'wait';
    default: // 1001, 1006, 1011, 1012, 4408, …
      return 'resume';
  }
}

/** Exponential backoff with full jitter: each wait is anything from nothing to a doubling bound. */
export class Backoff {
  /** @param {{base?: number, cap?: number, random?: () => number}} [options] */
  constructor({ base = 250, cap = 20_000, random = Math.random } = {}) {
    this.base = base;
    this.cap = cap;
    this.random = random;
    this.attempt = 0;
  }

  /** @returns {number} milliseconds to wait before the next attempt */
  next() {
    const bound = Math.min(this.cap, this.base * 2 ** Math.min(this.attempt, 30));
    this.attempt += 1;
    return Math.floor(this.random() * bound);
  }

  reset() {
    this.attempt = 0;
  }
}

/** How far one room's log has been given to the application. */
export class RoomCursor {
  /** @param {Seq|null} seq  null: not known, the first event decides */
  constructor(seq = null) {
    this.seq = seq;
  }

  /**
   * @param {Seq} seq
   * @returns {"apply"|"repeat"|"hole"}
   */
  offer(seq) {
    if (this.seq !== null) {
      if (seq <= this.seq) return 'repeat';
      if (seq > this.seq + 1) return 'hole';
    }
    this.seq = seq;
    return 'apply';
  }

  /**
   * Moves over what the server says it left out.
   * @param {Seq} from
   * @param {Seq} to
   * @returns {"apply"|"repeat"|"hole"}
   */
  skip(from, to) {
    if (this.seq !== null) {
      if (to <= this.seq) return 'repeat';
      if (from > this.seq + 1) return 'hole';
    }
    this.seq = to;
    return 'apply';
  }
}

/** The cursors of all rooms, and the epoch of the store they belong to. */
export class Cursors {
  /** @param {{epoch?: string|null, rooms?: Object<string, Seq|null>}} [position] */
  constructor(position = {}) {
    this.epoch = position.epoch ?? null;
    /** @type {Map<RoomId, RoomCursor>} */
    this.rooms = new Map();
    /** Rooms this connection is subscribed to. @type {Set<RoomId>} */
    this.live = new Set();
    for (const [id, seq] of Object.entries(position.rooms ?? {})) this.rooms.set(Number(id), new RoomCursor(seq));
  }

  /** @returns {{epoch?: string, rooms?: Object<string, Seq|null>}} what `hello` says about them */
  position() {
    const rooms = {};
    // A cursor means nothing without the epoch it was counted in.
    for (const [id, cursor] of this.rooms) rooms[id] = this.epoch === null ? null : cursor.seq;
    return { ...(this.epoch === null ? {} : { epoch: this.epoch }), ...(this.rooms.size > 0 ? { rooms } : {}) };
  }

  /**
   * Forgets the rooms that were quiet longest, until what `hello` says is short enough for a
   * server that does not know us yet.
   * @param {number} bytes
   * @returns {RoomId[]} the rooms that will start at their head, as if new
   */
  trim(bytes) {
    let size = JSON.stringify(this.position()).length;
    const forgotten = [];
    for (const [id, cursor] of this.rooms) {
      if (size <= bytes) break;
      size -= `"${id}":${cursor.seq},`.length;
      this.rooms.delete(id);
      forgotten.push(id);
    }
    return forgotten;
  }

  /** @param {RoomId} room @returns {Seq|null} */
  at(room) {
    return this.rooms.get(room)?.seq ?? null;
  }

  /**
   * Takes the heads of a welcome: a room without a cursor starts at its head, a room with one goes
   * on from it. A cursor above the head belongs to a log that is no more.
   * @param {WelcomeFrame} frame
   * @returns {{reset: boolean, gone: RoomId[], restarted: RoomId[]}}
   */
  welcome(frame) {
    const reset = frame.reset === true || (this.epoch !== null && frame.epoch !== this.epoch);
    if (reset) this.rooms.clear();
    this.epoch = frame.epoch;
    const gone = (frame.gone ?? []).map((entry) => Number(entry?.room_id ?? entry));
    for (const room of gone) this.rooms.delete(room);
    const restarted = [];
    this.live.clear();
    for (const [id, head] of Object.entries(frame.heads ?? {})) {
      const room = Number(id);
      if (this.start(room, head)) restarted.push(room);
    }
    return { reset, gone, restarted };
  }

  /**
   * A subscription begins.
   * @param {RoomId} room
   * @param {Seq|undefined} head
   * @returns {boolean} whether what was held of the room is void
   */
  start(room, head) {
    this.live.add(room);
    const cursor = this.rooms.get(room);
    if (!cursor || cursor.seq === null) {
      this.rooms.set(room, new RoomCursor(head ?? null));
      return false;
    }
    if (head === undefined || cursor.seq <= head) return false;
    cursor.seq = head;
    return true;
  }

  /** @param {RoomId} room @param {Seq} seq */
  offer(room, seq) {
    let cursor = this.rooms.get(room);
    if (!cursor) cursor = new RoomCursor();
    // The order of the map is the order of last movement, for `trim`.
    this.rooms.delete(room);
    this.rooms.set(room, cursor);
    this.live.add(room);
    return cursor.offer(seq);
  }

  /** @param {RoomId} room @param {Seq} from @param {Seq} to */
  skip(room, from, to) {
    let cursor = this.rooms.get(room);
    if (!cursor) this.rooms.set(room, (cursor = new RoomCursor()));
    return cursor.skip(from, to);
  }

  /** The subscription ended for good. @param {RoomId} room */
  drop(room) {
    this.rooms.delete(room);
    this.live.delete(room);
  }

  /** Everything is void. */
  clear() {
    this.epoch = null;
    this.rooms.clear();
    this.live.clear();
  }
}

/**
 * Notices a connection that answers pings and yet brings no events: every `pong` names the rooms
 * whose head moved, and what one pong named must have arrived when the next one comes.
 */
export class DeafnessCheck {
  /** @type {Map<RoomId, Seq>} */
  #told = new Map();

  /**
   * @param {Object<string, Seq>|undefined} heads
   * @param {Cursors} cursors
   * @returns {RoomId[]} the rooms that stayed behind: any at all means deaf
   */
  pong(heads, cursors) {
    const behind = [];
    for (const [room, head] of this.#told) {
      const at = cursors.at(room);
      if (cursors.live.has(room) && at !== null && at < head) behind.push(room);
    }
    this.#told = new Map(Object.entries(heads ?? {}).map(([id, head]) => [Number(id), head]));
    return behind;
  }

  reset() {
    this.#told.clear();
  }
}

/** When to ping and when to give a connection up. A clock that jumped (sleep, throttled tab) accuses nobody. */
export class Heartbeat {
  constructor({ pingEvery = 20_000, pongWithin = 15_000, silence = 45_000, lateness = 5_000 } = {}) {
    Object.assign(this, { pingEvery, pongWithin, silence, lateness });
    this.start(0);
  }

  /** @param {number} now */
  start(now) {
    this.lastInbound = now;
    this.pingAt = now + this.pingEvery;
    /** @type {number|null} */
    this.pingedAt = null;
  }

  /** Anything arrived. @param {number} now */
  inbound(now) {
    this.lastInbound = now;
  }

  /** @param {number} now */
  pinged(now) {
    this.pingedAt = now;
    this.pingAt = now + this.pingEvery;
  }

  pong() {
    this.pingedAt = null;
  }

  /** @returns {number} when `tick` has something to say, if nothing arrives before */
  nextAt() {
    const pongBy = this.pingedAt === null ? Infinity : Math.max(this.pingedAt, this.lastInbound) + this.pongWithin;
    return Math.min(this.pingAt, pongBy, this.lastInbound + this.silence);
  }

  /**
   * @param {number} now
   * @returns {"ping"|"dead"|null}
   */
  tick(now) {
    const due = this.nextAt();
    if (now < due) return null;
    if (now > due + this.lateness) {
      this.lastInbound = now;
      this.pingedAt = null;
      return 'ping';
    }
    return due === this.pingAt ? 'ping' : 'dead';
  }
}

/**
 * @typedef {object} OutboxItem
 * @property {string} client_id
 * @property {string} lane             messages of one lane go out one after another
 * @property {Draft} draft
 * @property {number} order
 * @property {"queued"|"sending"} state
 * @property {number} attempts
 * @property {number} notBefore
 */

/**
 * Messages that have not been answered yet. One lane for each room; the first of a lane is out, or
 * waits; the next follows when it has been answered. Nothing leaves without an answer.
 */
export class Outbox {
  /**
   * @param {{storage?: Storage|null, key?: string, limit?: number, random?: () => number}} [options]
   *   `storage`: where items outlive the page (localStorage), each under a key of its own, so that
   *   several tabs do not overwrite each other
   */
  constructor({ storage = null, key = 'chat.outbox', limit = 500, random = Math.random } = {}) {
    this.storage = storage;
    this.key = key;
    this.limit = limit;
    this.random = random;
    /** @type {OutboxItem[]} */
    this.items = [];
    this.order = 0;
    this.#restore();
  }

  #restore() {
    const found = [];
    try {
      for (let i = 0; i < (this.storage?.length ?? 0); i += 1) {
        const name = this.storage.key(i);
        if (name?.startsWith(`${this.key}/`)) found.push(JSON.parse(this.storage.getItem(name)));
      }
    } catch {
      // A storage that cannot be read holds nothing for us.
    }
    found.sort((a, b) => a.order - b.order);
    for (const { draft, order } of found) this.#push(draft, order);
  }

  #push(draft, order) {
    const lane = draft.room_id === undefined ? `user:${draft.to_user}` : `room:${draft.room_id}`;
    this.order = Math.max(this.order, order);
    const item = { client_id: draft.client_id, lane, draft, order, state: 'queued', attempts: 0, notBefore: 0 };
    this.items.push(item);
    return item;
  }

  /**
   * @param {Draft & {client_id: string}} draft
   * @param {number} now
   * @returns {OutboxItem}
   */
  add(draft, now) {
    if (this.items.length >= this.limit) throw new ChatError({ code: 'outbox_full', message: 'too many unsent messages' });
    const item = this.#push(draft, Math.max(this.order + 1, now));
    try {
      this.storage?.setItem(`${this.key}/${item.client_id}`, JSON.stringify({ draft, order: item.order }));
    } catch {
      // Full or forbidden: the item lives as long as the page.
    }
    return item;
  }

  /** @param {string} clientId */
  get(clientId) {
    return this.items.find((item) => item.client_id === clientId);
  }

  /** The first item of each lane. */
  #firsts() {
    const firsts = new Map();
    for (const item of this.items) if (!firsts.has(item.lane)) firsts.set(item.lane, item);
    return [...firsts.values()];
  }

  /**
   * Takes what may go out now; it counts as sent.
   * @param {number} now
   * @returns {OutboxItem[]}
   */
  take(now) {
    const due = this.#firsts().filter((item) => item.state === 'queued' && item.notBefore <= now);
    for (const item of due) {
      item.state = 'sending';
      item.attempts += 1;
    }
    return due;
  }

  /** @returns {number} when `take` will have something that only waits for time */
  nextAt() {
    const waiting = this.#firsts().filter((item) => item.state === 'queued');
    return Math.min(Infinity, ...waiting.map((item) => item.notBefore));
  }

  /** Answered, or seen in the log. @param {string} clientId @returns {OutboxItem|undefined} */
  remove(clientId) {
    const index = this.items.findIndex((item) => item.client_id === clientId);
    if (index < 0) return undefined;
    try {
      this.storage?.removeItem(`${this.key}/${clientId}`);
    } catch {
      // See `add`.
    }
    return this.items.splice(index, 1)[0];
  }

  /**
   * The server refused it.
   * @param {string} clientId
   * @param {ChatError} error
   * @param {number} now
   * @returns {"retry"|"failed"|"unknown"}  failed: it is out of the box
   */
  refused(clientId, error, now) {
    const item = this.get(clientId);
    if (!item) return 'unknown';
    if (!error.retryable) {
      this.remove(clientId);
      return 'failed';
    }
    const bound = Math.min(20_000, 500 * 2 ** Math.min(item.attempts, 10));
    item.state = 'queued';
    item.notBefore = now + (error.retry_after_ms ?? Math.floor(this.random() * bound));
    return 'retry';
  }

  /** The connection is gone: what was out goes out again, in the same order, under the same `client_id`. */
  disconnected() {
    for (const item of this.items) {
      item.state = 'queued';
      item.notBefore = 0;
    }
  }
}

/** Read pointers: the highest per room counts, one a second goes out. */
export class ReadPointers {
  constructor({ every = 1_000 } = {}) {
    this.every = every;
    /** @type {Map<RoomId, {want: Seq, sent: Seq, done: Seq, at: number}>} */
    this.rooms = new Map();
  }

  /** @param {RoomId} room @param {Seq} seq @returns {boolean} whether it says anything new */
  want(room, seq) {
    const entry = this.rooms.get(room);
    if (!entry) this.rooms.set(room, { want: seq, sent: 0, done: 0, at: -Infinity });
    else if (seq > entry.want) entry.want = seq;
    else return entry.want > entry.sent;
    return true;
  }

  /** @param {number} now @returns {{room_id: RoomId, seq: Seq}[]} */
  take(now) {
    const due = [];
    for (const [room_id, entry] of this.rooms) {
      if (entry.want <= entry.sent || now < entry.at + this.every) continue;
      entry.sent = entry.want;
      entry.at = now;
      due.push({ room_id, seq: entry.want });
    }
    return due;
  }

  /** It was answered. @param {RoomId} room @param {Seq} seq */
  answered(room, seq) {
    const entry = this.rooms.get(room);
    if (entry) entry.done = Math.max(entry.done, seq);
  }

  /** What has no answer goes out again. */
  disconnected() {
    for (const entry of this.rooms.values()) {
      entry.sent = entry.done;
      entry.at = -Infinity;
    }
  }

  nextAt() {
    let at = Infinity;
    for (const entry of this.rooms.values()) if (entry.want > entry.sent) at = Math.min(at, entry.at + this.every);
    return at;
  }

  /** @param {RoomId} room */
  drop(room) {
    this.rooms.delete(room);
  }

  clear() {
    this.rooms.clear();
  }
}

/** @returns {string} text that nobody else makes: the name of a message until it has a `seq` */
export function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

// ---------------------------------------------------------------------------------------------
// REST

/** The HTTP side. Every call answers with the decoded body or throws a ChatError. */
export class ChatRest {
  /** @param {{url: string, token: () => string|null, fetch?: typeof fetch}} options */
  constructor({ url, token, fetch: fetcher }) {
    this.url = url.replace(/\/+$/, '');
    this.token = token;
    this.fetch = fetcher ?? ((...args) => fetch(...args));
  }

  /**
   * @param {string} method
   * @param {string} path   below the mount
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async call(method, path, body) {
    const headers = { Accept: 'application/json' };
    const token = this.token();
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let response;
    try {
      response = await this.fetch(this.url + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw new ChatError({ code: 'offline', message: 'The server cannot be reached.', retryable: true });
    }
    const text = await response.text();
    let data;
    try {
      data = text ? JSON.parse(text) : undefined;
    } catch {
      data = undefined;
    }
    if (response.ok) return data;
    throw new ChatError({
      code: data?.code ?? (response.status === 401 ? 'unauthorized' : response.status >= 500 ? 'unavailable' : 'bad_request'),
      message: data?.message ?? data?.detail ?? data?.title ?? `The server answered ${response.status}.`,
      retryable: data?.retryable,
      retry_after_ms: data?.retry_after_ms,
      field: data?.field,
      status: response.status,
    });
  }

  /** @param {object} params */
  #query(params) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(params)) if (value !== undefined && value !== null) query.set(name, String(value));
    const text = query.toString();
    return text ? `?${text}` : '';
  }

  /** The own rooms, or with `public` (a search text, or "") open ones; `before` is `next` of the page before. @returns {Promise<{rooms: Room[], next?: string}>} */
  rooms({ public: open, before, limit } = {}) {
    return this.call('GET', `/rooms${this.#query({ public: open, before, limit })}`);
  }

  /** @param {{kind: "direct"|"group"|"public", name?: string, members?: UserId[], client_id?: string}} room @returns {Promise<Room>} */
  createRoom(room) {
    return this.call('POST', '/rooms', { client_id: newClientId(), members: [], ...room });
  }

  /** With members and pointers. @param {RoomId} id @returns {Promise<Room>} */
  room(id) {
    return this.call('GET', `/rooms/${id}`);
  }

  /** @param {RoomId} id @param {{name?: string, metadata?: object}} change */
  changeRoom(id, change) {
    return this.call('PATCH', `/rooms/${id}`, change);
  }

  /** @param {RoomId} id */
  deleteRoom(id) {
    return this.call('DELETE', `/rooms/${id}`);
  }

  /** @param {RoomId} id @param {UserId[]} users */
  addMembers(id, users) {
    return this.call('POST', `/rooms/${id}/members`, { users });
  }

  /** @param {RoomId} id @param {UserId} user @param {{role?: string, muted_until?: Time|null}} change */
  changeMember(id, user, change) {
    return this.call('PATCH', `/rooms/${id}/members/${encodeURIComponent(user)}`, change);
  }

  /** @param {RoomId} id @param {UserId|"me"} user */
  removeMember(id, user) {
    return this.call('DELETE', `/rooms/${id}/members/${encodeURIComponent(user)}`);
  }

  /** @param {RoomId} id a public room */
  join(id) {
    return this.call('POST', `/rooms/${id}/members/me`);
  }

  /** @param {RoomId} id */
  leave(id) {
    return this.removeMember(id, 'me');
  }

  /**
   * A page of the log itself, as on the socket: the way over a gap.
   * @param {RoomId} id
   * @param {{since: Seq, limit?: number, epoch?: string}} from
   * @returns {Promise<{events: RoomEvent[], head: Seq, epoch: string}>}
   */
  events(id, { since, limit, epoch }) {
    return this.call('GET', `/rooms/${id}/events${this.#query({ since, limit, epoch })}`);
  }

  /** @param {UserId} id @returns {Promise<Profile>} */
  user(id) {
    return this.call('GET', `/users/${encodeURIComponent(id)}`);
  }

  /** @param {UserId} user */
  block(user) {
    return this.call('PUT', `/blocks/${encodeURIComponent(user)}`);
  }

  /** @param {UserId} user */
  unblock(user) {
    return this.call('DELETE', `/blocks/${encodeURIComponent(user)}`);
  }
}

// ---------------------------------------------------------------------------------------------
// The connection

const HELLO_WITHIN = 15_000;
/** A server takes 8 KiB from somebody it does not know yet. */
const HELLO_BYTES = 7_900;
const STABLE_AFTER = 5_000;
const FLOOD_WAIT = 5_000;
const BYE_GRACE = 3_000;
const REQUEST_ATTEMPTS = 5;

/**
 * One user's connection to the engine.
 *
 * Told through `on(name, listener)`:
 * `state` {state, retry_in_ms?, code?} · `welcome` WelcomeFrame · `reset` {} (drop all that is held) ·
 * `event` RoomEvent · `gap` GapFrame · `room_reset` {room_id} (drop what is held of the room) ·
 * `room_added` · `unsubscribed` · `typing` · `receipt` · `presence` · `unread` · `read` {room_id, read, unread, mentions} ·
 * `outbox` {client_id, draft, state: "queued"|"sending"|"retrying"|"sent"|"failed", result?, error?} ·
 * `error` ChatError (one that answers nothing) · `token_expiring` · `bye`.
 */
export class ChatClient {
  /**
   * @param {object} options
   * @param {string} options.url            the engine's mount, "/api/v1" or absolute
   * @param {string} [options.token]        absent: the upgrade carries a cookie
   * @param {() => Promise<string|null|undefined>} [options.refreshToken]  a fresh token of the same user
   * @param {"all"|"listed"} [options.subscribe]
   * @param {{epoch: string, rooms: Object<string, Seq|null>}} [options.position]  of an earlier `client.position()`
   * @param {{storage: Storage, key: string}} [options.outbox]  keeps unsent messages; a key for each user
   * @param {typeof WebSocket} [options.WebSocket]
   * @param {{now: () => number, setTimeout: Function, clearTimeout: Function}} [options.clock]
   * @param {() => number} [options.random]
   * @param {EventTarget|null} [options.events]     where `online` is fired (window)
   * @param {EventTarget|null} [options.visibility] where `visibilitychange` is fired (document)
   * @param {typeof fetch} [options.fetch]
   */
  constructor(options) {
    const base = globalThis.location?.href;
    this.url = new URL(options.url, base).href.replace(/\/+$/, '');
    this.token = options.token ?? null;
    this.refreshToken = options.refreshToken;
    this.subscribeMode = options.subscribe ?? 'all';
    this.random = options.random ?? Math.random;
    this.clock = options.clock ?? {
      now: () => Date.now(),
      setTimeout: (...args) => setTimeout(...args),
      clearTimeout: (timer) => clearTimeout(timer),
    };
    this.WebSocket = options.WebSocket ?? globalThis.WebSocket;
    this.rest = new ChatRest({ url: this.url, token: () => this.token, fetch: options.fetch });
    this.cursors = new Cursors(options.position);
    this.backoff = new Backoff({ random: this.random });
    this.outbox = new Outbox({ ...options.outbox, random: this.random });
    /** @type {ConnectionState} */
    this.state = 'idle';
    /** @type {UserId|null} */
    this.user = null;
    /** @type {object} */
    this.limits = {};

    this.#events = options.events === undefined ? globalThis.window ?? null : options.events;
    this.#visibility = options.visibility === undefined ? globalThis.document ?? null : options.visibility;
  }

  #events;
  #visibility;
  /** @type {Map<string, Set<Function>>} */
  #listeners = new Map();
  #socket = null;
  #timers = new Map();
  #nextId = 1;
  /** Commands without an answer. @type {Map<number, {frame: object, resolve: Function, reject: Function, attempts: number, sent: boolean}>} */
  #pending = new Map();
  /** client_id of the messages that are out, by frame id. @type {Map<number, string>} */
  #sends = new Map();
  /** @type {Map<string, {resolve: Function, reject: Function}>} */
  #sendWaiters = new Map();
  #reads = new ReadPointers();
  #heartbeat = new Heartbeat();
  #deafness = new DeafnessCheck();
  #mayHurry = false;
  #byeWait = null;
  #resetTold = false;
  /** Rooms whose cursor did not fit into `hello`. @type {Set<RoomId>} */
  #forgotten = new Set();
  #refreshed = false;
  #refreshing = null;
  #presence = null;
  #connectWaiters = [];

  /**
   * @param {string} name
   * @param {(detail: any) => void} listener
   * @returns {() => void} takes the listener away
   */
  on(name, listener) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name).add(listener);
    return () => this.#listeners.get(name)?.delete(listener);
  }

  #emit(name, detail) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(detail);
      } catch (error) {
        // A listener's mistake is the page's, not the connection's.
        if (globalThis.reportError) globalThis.reportError(error);
        else console.error(error);
      }
    }
  }

  /** What to give a later client as `position`, so that it resumes where this one stood. */
  position() {
    return this.cursors.position();
  }

  /** @param {RoomId} room */
  isSubscribed(room) {
    return this.cursors.live.has(room);
  }

  // --- connecting -----------------------------------------------------------------------------

  /** Connects and stays connected. Resolves with the first welcome; rejects when the server wants no reconnect. @returns {Promise<WelcomeFrame>} */
  connect() {
    const first = new Promise((resolve, reject) => this.#connectWaiters.push({ resolve, reject }));
    if (this.state === 'idle' || this.state === 'closed') {
      this.#events?.addEventListener('online', this.#hurry);
      this.#visibility?.addEventListener('visibilitychange', this.#onVisibility);
      this.#refreshed = false;
      this.#open();
    }
    return first;
  }

  /** Ends the connection for good. What is in the outbox stays there. */
  close() {
    this.#stop(1000, 'closed here');
  }

  /** Tries at once where a wait is under way, and tests a connection that seems to stand. */
  wake() {
    this.#hurry();
  }

  #hurry = () => {
    if (this.state === 'waiting' && this.#mayHurry) this.#open();
    else if (this.state === 'ready' && this.#heartbeat.pingedAt === null) this.#ping();
  };

  #onVisibility = () => {
    if (this.#visibility?.visibilityState !== 'hidden') this.#hurry();
  };

  #timer(name, ms, action) {
    this.clock.clearTimeout(this.#timers.get(name));
    if (ms === null) this.#timers.delete(name);
    else this.#timers.set(name, this.clock.setTimeout(() => {
      this.#timers.delete(name);
      action();
    }, Math.min(Math.max(0, ms), 2 ** 31 - 1)));
  }

  #clearTimers() {
    for (const timer of this.#timers.values()) this.clock.clearTimeout(timer);
    this.#timers.clear();
  }

  #setState(state, more = {}) {
    this.state = state;
    this.#emit('state', { state, ...more });
  }

  #open() {
    this.#clearTimers();
    this.#discardSocket();
    this.#byeWait = null;
    this.#setState('connecting', { attempt: this.backoff.attempt });
    if (this.state !== 'connecting') return; // a listener closed us
    const socket = new this.WebSocket(`${this.url.replace(/^http/, 'ws')}/ws`);
    this.#socket = socket;
    const mine = (action) => (event) => {
      if (this.#socket === socket) action(event);
    };
    socket.onopen = mine(() => {
      for (const room of this.cursors.trim(HELLO_BYTES - (this.token?.length ?? 0))) this.#forgotten.add(room);
      const hello = { type: 'hello', ...this.cursors.position(), subscribe: this.subscribeMode };
      if (this.token) hello.token = this.token;
      socket.send(JSON.stringify(hello));
    });
    socket.onmessage = mine((event) => this.#onText(event.data));
    socket.onclose = mine((event) => this.#onClose(event.code || 1006, event.reason));
    this.#timer('hello', HELLO_WITHIN, () => this.#resume('no welcome'));
  }

  #discardSocket() {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close(1000);
    } catch {
      // Already gone.
    }
  }

  /** Leaves this connection and comes back with the cursors. */
  #resume(reason) {
    this.#discardSocket();
    this.#onClose(1006, reason);
  }

  #onClose(code, reason) {
    this.#discardSocket();
    this.#clearTimers();
    this.#disconnected();
    const action = closeAction(code);
    if (action === 'stop') return this.#stop(code, reason);
    if (action === 'refresh') return this.#retryWithFreshToken(code, reason);
    let wait = this.backoff.next();
    this.#mayHurry = true;
    if (action === 'wait' || this.#byeWait !== null) {
      // Asked to stay away for a while: neither luck nor a visible page shortens it.
      this.#mayHurry = false;
      wait = this.#byeWait ?? FLOOD_WAIT + wait;
    }
    this.#timer('retry', wait, () => this.#open());
    this.#setState('waiting', { retry_in_ms: wait, code, reason });
  }

  #disconnected() {
    this.outbox.disconnected();
    this.#sends.clear();
    this.#reads.disconnected();
    for (const [id, entry] of this.#pending) if (entry.frame.type === 'read') this.#pending.delete(id);
    this.#deafness.reset();
    this.cursors.live.clear();
    for (const entry of this.#pending.values()) entry.sent = false;
  }

  async #retryWithFreshToken(code, reason) {
    this.#mayHurry = false;
    this.#setState('waiting', { code, reason });
    const token = this.#refreshed ? null : await this.#freshToken();
    if (this.state !== 'waiting') return;
    if (!token) return this.#stop(code, reason || 'unauthorized');
    this.#refreshed = true;
    this.#open();
  }

  #freshToken() {
    this.#refreshing ??= (async () => {
      try {
        const token = await this.refreshToken?.();
        if (token) this.token = token;
        return token ?? null;
      } catch {
        return null;
      } finally {
        this.#refreshing = null;
      }
    })();
    return this.#refreshing;
  }

  #stop(code, reason) {
    this.#clearTimers();
    this.#discardSocket();
    this.#disconnected();
    this.#events?.removeEventListener('online', this.#hurry);
    this.#visibility?.removeEventListener('visibilitychange', this.#onVisibility);
    const error = new ChatError({ code: closeAction(code) === 'refresh' ? 'unauthorized' : 'closed', message: reason || `closed with ${code}` });
    for (const entry of this.#pending.values()) entry.reject(error);
    this.#pending.clear();
    for (const waiter of this.#connectWaiters.splice(0)) waiter.reject(error);
    this.#setState('closed', { code, reason });
  }

  // --- what arrives ---------------------------------------------------------------------------

  #onText(text) {
    this.#heartbeat.inbound(this.clock.now());
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return this.#resume('a frame that is no JSON');
    }
    // After a reset nothing of the old log counts, however much of it was under way.
    if (this.#resetTold && frame.type !== 'welcome') return;
    switch (frame.type) {
      case 'welcome': return this.#onWelcome(frame);
      case 'ok': return this.#onOk(frame);
      case 'error': return this.#onError(frame);
      case 'subscribed': return this.#onSubscribed(frame);
      case 'pong': return this.#onPong(frame);
      case 'gap': return this.#onGap(frame);
      case 'room_added': return this.#onRoomAdded(frame);
      case 'unsubscribed': return this.#onUnsubscribed(frame);
      case 'token_expiring': return this.#onTokenExpiring(frame);
      case 'bye': return this.#onBye(frame);
      case 'typing':
      case 'receipt':
      case 'presence':
      case 'unread': return this.#emit(frame.type, frame);
      default:
        // Anything else with a place in a log is an event, also of a type made after this client.
        if (Number.isSafeInteger(frame.room_id) && Number.isSafeInteger(frame.seq)) this.#onEvent(frame);
    }
  }

  #onWelcome(frame) {
    this.#timer('hello', null);
    this.user = typeof frame.user === 'object' && frame.user ? frame.user.id : frame.user;
    this.limits = frame.limits ?? {};
    const { reset, gone, restarted } = this.cursors.welcome(frame);
    // Only a connection that lasts proves that the server is well, and the token with it.
    this.#timer('stable', STABLE_AFTER, () => {
      this.backoff.reset();
      this.#refreshed = false;
    });
    this.#heartbeat.start(this.clock.now());
    this.#deafness.reset();
    if (reset && !this.#resetTold) {
      this.#reads.clear();
      this.#emit('reset', {});
    }
    this.#resetTold = false;
    this.#setState('ready');
    for (const room_id of gone) this.#gone(room_id, 'gone');
    for (const room_id of [...restarted, ...this.#forgotten]) this.#emit('room_reset', { room_id });
    this.#forgotten.clear();
    this.#emit('welcome', frame);
    for (const waiter of this.#connectWaiters.splice(0)) waiter.resolve(frame);
    if (this.#presence && this.#presence !== 'online') this.#write({ type: 'presence', status: this.#presence });
    for (const [id, entry] of this.#pending) this.#sendPending(id, entry);
    this.#pump();
    this.#schedule();
  }

  #onEvent(event) {
    switch (this.cursors.offer(event.room_id, event.seq)) {
      case 'repeat': return;
      case 'hole': return this.#resume(`a hole before ${event.seq} in room ${event.room_id}`);
    }
    if (event.type === 'message' && event.client_id && event.actor === this.user) {
      this.#settle(event.client_id, { room_id: event.room_id, seq: event.seq, message: event.message, repeat: false });
    }
    this.#emit('event', event);
  }

  #onGap(frame) {
    switch (this.cursors.skip(frame.room_id, frame.from, frame.to)) {
      case 'repeat': return;
      case 'hole': return this.#resume(`a hole before the gap in room ${frame.room_id}`);
    }
    this.#emit('gap', frame);
  }

  #onRoomAdded(frame) {
    if (this.subscribeMode === 'all') {
      // Events may have been faster than the description; then the cursor knows better than its head.
      if (this.cursors.at(frame.room.id) === null) this.cursors.start(frame.room.id, frame.room.head);
      else this.cursors.live.add(frame.room.id);
    }
    this.#emit('room_added', frame);
  }

  #onUnsubscribed(frame) {
    this.#gone(frame.room_id, frame.reason);
  }

  #gone(room_id, reason) {
    if (reason === 'requested') this.cursors.live.delete(room_id);
    else this.cursors.drop(room_id);
    this.#reads.drop(room_id);
    this.#emit('unsubscribed', { type: 'unsubscribed', room_id, reason });
  }

  #onSubscribed(frame) {
    if (this.cursors.start(frame.room_id, frame.head)) this.#emit('room_reset', { room_id: frame.room_id });
    this.#answered(frame);
  }

  #onPong(frame) {
    this.#heartbeat.pong();
    const behind = this.#deafness.pong(frame.heads, this.cursors);
    if (behind.length > 0) return this.#resume(`nothing arrives in room ${behind[0]}`);
    this.#schedule();
  }

  async #onTokenExpiring(frame) {
    this.#emit('token_expiring', frame);
    const token = await this.#freshToken();
    if (token && this.state === 'ready') this.request({ type: 'auth', token }).catch((error) => this.#emit('error', error));
  }

  #onBye(frame) {
    this.#byeWait = frame.reconnect_after_ms ?? this.backoff.next();
    if (frame.reason === 'reset') {
      this.cursors.clear();
      this.#reads.clear();
      this.#resetTold = true;
      this.#emit('reset', {});
    }
    this.#emit('bye', frame);
    // The server closes with a code that says more; a server that forgets to is left.
    this.#timer('bye', BYE_GRACE, () => this.#resume('bye'));
  }

  // --- heartbeat ------------------------------------------------------------------------------

  #ping() {
    this.#heartbeat.pinged(this.clock.now());
    this.#write({ type: 'ping', id: this.#nextId++ });
    this.#schedule();
  }

  /** One timer for everything that waits for time on a standing connection. */
  #schedule() {
    if (this.state !== 'ready') return;
    const now = this.clock.now();
    this.#timer('beat', this.#heartbeat.nextAt() - now, () => this.#beat());
    const next = Math.min(this.outbox.nextAt(), this.#reads.nextAt());
    this.#timer('pump', next === Infinity ? null : next - now, () => {
      this.#pump();
      this.#schedule();
    });
  }

  #beat() {
    switch (this.#heartbeat.tick(this.clock.now())) {
      case 'ping': return this.#ping();
      case 'dead': return this.#resume('the connection is dead');
      default: return this.#schedule();
    }
  }

  // --- commands -------------------------------------------------------------------------------

  #write(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  /**
   * Sends a command and waits for its answer. Waits for a connection where there is none, and is
   * sent again where the connection ends before the answer: every command may be repeated.
   * @param {object} frame without `id`
   * @returns {Promise<any>} the answering frame
   */
  request(frame) {
    if (this.state === 'closed') return Promise.reject(new ChatError({ code: 'closed', message: 'not connected' }));
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const entry = { frame, resolve, reject, attempts: 0, sent: false };
      this.#pending.set(id, entry);
      if (this.state === 'ready') this.#sendPending(id, entry);
    });
  }

  #sendPending(id, entry) {
    if (entry.sent) return;
    entry.sent = true;
    entry.attempts += 1;
    this.#write({ ...entry.frame, id });
  }

  #answered(frame) {
    const entry = this.#pending.get(frame.id);
    if (!entry) return;
    this.#pending.delete(frame.id);
    entry.resolve(frame);
  }

  #onOk(frame) {
    const clientId = this.#sends.get(frame.id);
    if (clientId === undefined) return this.#answered(frame);
    this.#sends.delete(frame.id);
    this.#settle(clientId, { room_id: frame.room_id, seq: frame.seq, message: frame.message, repeat: frame.repeat === true });
  }

  #onError(frame) {
    const error = new ChatError(frame);
    const clientId = this.#sends.get(frame.id);
    if (clientId !== undefined) {
      this.#sends.delete(frame.id);
      this.#sendRefused(clientId, error);
      return;
    }
    const entry = this.#pending.get(frame.id);
    if (!entry) return this.#emit('error', error);
    if (!error.retryable || entry.attempts >= REQUEST_ATTEMPTS) {
      this.#pending.delete(frame.id);
      entry.reject(error);
      return;
    }
    const wait = error.retry_after_ms ?? Math.floor(this.random() * 500 * 2 ** entry.attempts);
    this.#timer(`again ${frame.id}`, wait, () => {
      entry.sent = false;
      if (this.#pending.has(frame.id)) this.#sendPending(frame.id, entry);
    });
  }

  // --- sending messages -----------------------------------------------------------------------

  /**
   * Puts a message into the outbox, from where it goes out in the order of its room, once
   * connected, under one `client_id`, until it is stored or refused.
   * @param {Draft} draft
   * @returns {Promise<SendResult>} rejects with the refusal
   */
  send(draft) {
    const whole = { ...draft, client_id: draft.client_id ?? newClientId() };
    return new Promise((resolve, reject) => {
      const item = this.outbox.add(whole, this.clock.now());
      this.#sendWaiters.set(item.client_id, { resolve, reject });
      this.#emit('outbox', { client_id: item.client_id, draft: whole, state: 'queued' });
      this.#pump();
      this.#schedule();
    });
  }

  /** Sends what may go out: messages and read pointers. */
  #pump() {
    if (this.state !== 'ready') return;
    const now = this.clock.now();
    for (const item of this.outbox.take(now)) {
      const id = this.#nextId++;
      this.#sends.set(id, item.client_id);
      this.#write({ type: 'send', id, ...item.draft });
      this.#emit('outbox', { client_id: item.client_id, draft: item.draft, state: 'sending' });
    }
    for (const { room_id, seq } of this.#reads.take(now)) this.#sendRead(room_id, seq);
  }

  #settle(clientId, result) {
    const item = this.outbox.remove(clientId);
    if (!item) return;
    this.#emit('outbox', { client_id: clientId, draft: item.draft, state: 'sent', result });
    this.#sendWaiters.get(clientId)?.resolve(result);
    this.#sendWaiters.delete(clientId);
    this.#pump();
    this.#schedule();
  }

  #sendRefused(clientId, error) {
    const item = this.outbox.get(clientId);
    const verdict = this.outbox.refused(clientId, error, this.clock.now());
    if (verdict === 'unknown') return;
    this.#emit('outbox', { client_id: clientId, draft: item.draft, state: verdict === 'failed' ? 'failed' : 'retrying', error });
    if (verdict === 'failed') {
      this.#sendWaiters.get(clientId)?.reject(error);
      this.#sendWaiters.delete(clientId);
    }
    this.#pump();
    this.#schedule();
  }

  // --- everything else ------------------------------------------------------------------------

  /** @param {RoomId} room_id @param {Seq} seq @param {string} content @param {UserId[]} [mentions] */
  edit(room_id, seq, content, mentions) {
    return this.request({ type: 'edit', room_id, seq, content, ...(mentions ? { mentions } : {}) });
  }

  /** @param {RoomId} room_id @param {Seq} seq */
  delete(room_id, seq) {
    return this.request({ type: 'delete', room_id, seq });
  }

  /** @param {RoomId} room_id @param {Seq} seq @param {string} emoji */
  react(room_id, seq, emoji) {
    return this.request({ type: 'react', room_id, seq, emoji });
  }

  /** @param {RoomId} room_id @param {Seq} seq @param {string} emoji */
  unreact(room_id, seq, emoji) {
    return this.request({ type: 'unreact', room_id, seq, emoji });
  }

  /** Now or never: nothing is kept for later. @param {RoomId} room_id @param {boolean} is_typing */
  typing(room_id, is_typing) {
    if (this.state === 'ready') this.#write({ type: 'typing', room_id, is_typing });
  }

  /** Read up to `seq`; the answer is told as `read`. @param {RoomId} room_id @param {Seq} seq */
  read(room_id, seq) {
    if (!this.#reads.want(room_id, seq)) return;
    this.#pump();
    this.#schedule();
  }

  #sendRead(room_id, seq) {
    const id = this.#nextId++;
    const entry = {
      frame: { type: 'read', room_id, seq },
      resolve: (answer) => {
        this.#reads.answered(room_id, seq);
        this.#emit('read', { room_id, read: answer.read, unread: answer.unread, mentions: answer.mentions });
      },
      reject: () => {},
      attempts: 0,
      sent: false,
    };
    this.#pending.set(id, entry);
    this.#sendPending(id, entry);
  }

  /**
   * A page of messages as they are at `as_of`.
   * @param {RoomId} room_id
   * @param {{before?: Seq, after?: Seq, around?: Seq, limit?: number}} [where]
   * @returns {Promise<HistoryPage>}
   */
  history(room_id, where = {}) {
    return this.request({ type: 'history', room_id, ...where });
  }

  /** @param {RoomId} room_id @param {{since?: Seq}} [from] the own cursor where absent */
  subscribe(room_id, { since } = {}) {
    const at = since ?? this.cursors.at(room_id);
    return this.request({ type: 'subscribe', room_id, ...(at === null ? {} : { since: at }) });
  }

  /** @param {RoomId} room_id */
  unsubscribe(room_id) {
    return this.request({ type: 'unsubscribe', room_id });
  }

  /** @param {"online"|"away"|"invisible"} status */
  presence(status) {
    this.#presence = status;
    if (this.state === 'ready') this.#write({ type: 'presence', status });
  }

  /** A token got elsewhere, for now and for later connections. @param {string} token */
  auth(token) {
    this.token = token;
    return this.state === 'ready' ? this.request({ type: 'auth', token }) : Promise.resolve();
  }
}
