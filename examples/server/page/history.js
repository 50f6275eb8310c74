// Reading rooms back, page by page.

const PAGE = 50;
const LONGEST_PAGE = 200;
const JUMP_PAGES = 20;
/** A room with more than so many pages unread opens at its end. */
const UNREAD_PAGES = 5;

/** @typedef {import('./room-state.js').RoomState} RoomState */

export class History {
  /** @param {import('./chat-client.js').ChatClient} client @param {(room: RoomState) => void} changed */
  constructor(client, changed) {
    this.client = client;
    this.changed = changed;
  }

  /** The newest page, with all that is unread and a little before. @param {RoomState} room */
  load(room) {
    const limit = Math.min(LONGEST_PAGE, Math.max(PAGE, room.unread + 20));
    const { generation } = room;
    return room.loading(async () => {
      const page = await this.client.history(room.id, { limit });
      if (room.generation !== generation) return;
      room.merge(page);
      room.hasOlder = page.more;
      for (let pages = 1; pages < UNREAD_PAGES && this.#isUnreadBelow(room); pages += 1) {
        // Without it the room opens at its end.
        await this.#older(room, LONGEST_PAGE).catch(() => { pages = UNREAD_PAGES; });
        if (room.generation !== generation) return;
      }
      room.tooMuch = this.#isUnreadBelow(room);
      room.loaded = true;
      this.changed(room);
    });
  }

  /** @param {RoomState} room */
  #isUnreadBelow(room) {
    return room.unread > 0 && room.hasOlder && room.oldest() > room.read + 1;
  }

  /** The page before the oldest one; one at a time. @param {RoomState} room */
  older(room, limit = PAGE) {
    if (!room.loaded || !room.hasOlder) return Promise.resolve();
    room.loadingOlder ??= this.#older(room, limit).finally(() => {
      room.loadingOlder = null;
      this.changed(room);
    });
    return room.loadingOlder;
  }

  #older(room, limit) {
    const { generation } = room;
    return room.loading(async () => {
      const page = await this.client.history(room.id, { before: room.oldest(), limit });
      if (room.generation !== generation) return;
      room.merge(page);
      room.hasOlder = page.more && page.messages.length > 0;
    });
  }

  /** Loads back to a message. @returns {Promise<boolean>} whether it is there now */
  async reach(room, seq) {
    if (!room.loaded) await this.load(room);
    for (let pages = 0; pages < JUMP_PAGES && !room.messages.has(seq) && room.hasOlder && room.oldest() > seq; pages += 1) await this.older(room, LONGEST_PAGE);
    return room.messages.has(seq);
  }

  /** A message that is quoted; where it is not loaded, it is asked for. */
  quoted(room, seq) {
    const held = room.messages.get(seq) ?? room.quoted.get(seq);
    if (held || !room.loaded || room.asked?.has(seq)) return held;
    (room.asked ??= new Set()).add(seq);
    room.loading(async () => {
      const page = await this.client.history(room.id, { around: seq, limit: 1 });
      room.merge({ ...page, messages: page.messages.filter((message) => message.seq === seq) }, room.quoted);
      this.changed(room);
    }).catch(() => {});
    return undefined;
  }
}
