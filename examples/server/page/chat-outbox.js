// What is on its way out: messages, and how far one has read. Pure, but for the storage it is given.

import { ChatError } from './chat-error.js';

/** @import { RoomId, Seq, Draft } from './chat-types.js' */

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
   * @param {number} [now]  the time of day: what orders the messages of several windows
   * @returns {OutboxItem}
   */
  add(draft, now = Date.now()) {
    if (this.isFull) throw new ChatError({ code: 'outbox_full', message: 'too many unsent messages' });
    const item = this.#push(draft, Math.max(this.order + 1, now));
    try {
      this.storage?.setItem(`${this.key}/${item.client_id}`, JSON.stringify({ draft, order: item.order }));
    } catch {
      // Full or forbidden: the item lives as long as the page.
    }
    return item;
  }

  /** Whether `add` would throw. */
  get isFull() {
    return this.items.length >= this.limit;
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
