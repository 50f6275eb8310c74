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
  /** @param {{epoch?: string|null, rooms?: Object<string, Seq|null>, order?: RoomId[]}} [position]  as `kept` gave it */
  constructor(position = {}) {
    this.epoch = position.epoch ?? null;
    /** In the order of last movement, for `hello`. @type {Map<RoomId, RoomCursor>} */
    this.rooms = new Map();
    /** Rooms this connection is subscribed to. @type {Set<RoomId>} */
    this.live = new Set();
    for (const [id, seq] of Object.entries(position.rooms ?? {})) this.rooms.set(Number(id), new RoomCursor(seq));
    for (const room of position.order ?? []) this.#moved(room);
  }

  #moved(room) {
    const cursor = this.rooms.get(room);
    if (!cursor) return;
    this.rooms.delete(room);
    this.rooms.set(room, cursor);
  }

  /** @returns {{epoch?: string, rooms?: Object<string, Seq|null>}} where each room stands */
  position() {
    return this.#positionOf([...this.rooms.keys()]);
  }

  /** @param {RoomId[]} ids */
  #positionOf(ids) {
    const rooms = {};
    // A cursor means nothing without the epoch it was counted in.
    for (const id of ids) rooms[id] = this.epoch === null ? null : this.rooms.get(id).seq;
    return { ...(this.epoch === null ? {} : { epoch: this.epoch }), ...(ids.length > 0 ? { rooms } : {}) };
  }

  /**
   * The same for a later client. An object has its whole numbers sorted: `order` tells which room moved last.
   * @returns {{epoch?: string, rooms?: Object<string, Seq|null>, order?: RoomId[]}}
   */
  kept() {
    return { ...this.position(), ...(this.rooms.size > 0 ? { order: [...this.rooms.keys()] } : {}) };
  }

  /**
   * What `hello` says: the rooms that moved last, as many as it can hold.
   * @param {number} bytes
   * @param {number} [most]  rooms
   * @returns {{said: {epoch?: string, rooms?: Object<string, Seq|null>}, left: RoomId[]}}  `left`: the others, the latest first
   */
  hello(bytes, most = Infinity) {
    const latest = [...this.rooms].reverse();
    let size = JSON.stringify({ epoch: this.epoch ?? undefined, rooms: {} }).length;
    let fitting = 0;
    for (const [id, { seq }] of latest) {
      size += `"${id}":${this.epoch === null ? null : seq},`.length;
      if (size > bytes || fitting >= most) break;
      fitting += 1;
    }
    const ids = latest.map(([id]) => id);
    return { said: this.#positionOf(ids.slice(0, fitting).reverse()), left: ids.slice(fitting) };
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
    // `heads` is sorted by id; `rooms` has the latest first.
    for (const room of [...(frame.rooms ?? [])].reverse()) this.#moved(room.id);
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
    this.live.add(room);
    return this.#at(room).offer(seq);
  }

  /** @param {RoomId} room @param {Seq} from @param {Seq} to */
  skip(room, from, to) {
    return this.#at(room).skip(from, to);
  }

  /** The cursor of a room that moves. */
  #at(room) {
    if (!this.rooms.has(room)) this.rooms.set(room, new RoomCursor());
    this.#moved(room);
    return this.rooms.get(room);
  }

  /** The subscription ended for good. @param {RoomId} room */
  drop(room) {
    this.rooms.delete(room);
    this.live.delete(room);
  }

  /** Every position is void. @param {boolean} [listed]  the rooms themselves are still wanted: nobody else knows them */
  clear(listed = false) {
    this.epoch = null;
    if (listed) for (const room of this.rooms.keys()) this.rooms.set(room, new RoomCursor());
    else this.rooms.clear();
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

/** Rooms asked for at once after a `hello` that did not hold them all. */
const AT_ONCE = 8;

/** Subscribes rooms one by one, a few at once, for as long as the connection stands. */
export class RoomsLeft {
  /**
   * @param {RoomId[]} rooms
   * @param {object} client
   * @param {() => boolean} client.isCurrent
   * @param {(room: RoomId) => Promise<any>} client.subscribe
   * @param {(room: RoomId, error: import('./chat-error.js').ChatError) => void} client.refused
   */
  constructor(rooms, client) {
    this.rooms = [...rooms];
    this.client = client;
  }

  /** @returns {Promise<void>} */
  async run() {
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.#some()));
  }

  async #some() {
    while (this.rooms.length > 0 && this.client.isCurrent()) {
      const room = this.rooms.shift();
      try {
        await this.client.subscribe(room);
      } catch (error) {
        if (!this.client.isCurrent()) return;
        // One for which there was no time as yet takes its turn again.
        if (error.retryable) this.rooms.push(room);
        else this.client.refused(room, error);
      }
    }
  }
}
