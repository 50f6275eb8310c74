// How far each room has been given to the page. Pure: told what happened, it says what to do.

/** @import { RoomId, Seq, WelcomeFrame } from './chat-types.js' */

/** A server takes 8 KiB from somebody it does not know yet, such as who brings the token in `hello`. */
const HELLO_BYTES = 7_900;

/** And 64 KiB from somebody it knows by the request, as by a cookie. */
const KNOWN_HELLO_BYTES = 65_000;

/** @param {string|null} token  what `hello` brings @returns {number} how long cursors may be beside it */
export const cursorBytes = (token) => (token ? HELLO_BYTES - token.length : KNOWN_HELLO_BYTES);

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
   * Forgets the rooms that were quiet longest, until what `hello` says is short enough.
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
