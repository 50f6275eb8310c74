// What is written and not sent, room by room: in this tab it outlives a reload, and a sign-in that has ended.

/** @typedef {{text: string, mode: "reply"|"edit"|null, message: object|null, before: string}} Draft */

/** Rooms with drafts; of more the oldest goes. */
const MOST = 100;

export class Drafts {
  /** @param {string} user @param {Storage} [storage] */
  constructor(user, storage = sessionStorage) {
    this.key = `chat.drafts.${user}`;
    this.storage = storage;
    /** @type {Map<number, Draft>} */
    this.rooms = new Map();
    try {
      for (const [room, draft] of JSON.parse(storage.getItem(this.key)) ?? []) this.rooms.set(room, draft);
    } catch {
      // What cannot be read is not there.
    }
  }

  /** @param {number|undefined} room @returns {Draft|undefined} */
  get(room) {
    return this.rooms.get(room);
  }

  /** @param {number} room @param {Draft} draft */
  set(room, draft) {
    this.rooms.delete(room);
    if (draft.text.trim() === '' && draft.mode === null) return;
    this.rooms.set(room, draft);
    if (this.rooms.size > MOST) this.rooms.delete(this.rooms.keys().next().value);
  }

  /** @param {number} room */
  delete(room) {
    this.rooms.delete(room);
  }

  keep() {
    try {
      if (this.rooms.size > 0) this.storage.setItem(this.key, JSON.stringify([...this.rooms]));
      else this.storage.removeItem(this.key);
    } catch {
      // Full: they live as long as the page.
    }
  }

  forget() {
    this.rooms.clear();
    this.keep();
  }
}
