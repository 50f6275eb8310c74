// What a client can be asked for and listened to: the commands that are one question and one answer, and who is told what.

/** @import { RoomId, Seq, UserId, HistoryPage } from './chat-types.js' */

export class ChatCommands {
  /** @type {Map<string, Set<Function>>} */
  #listeners = new Map();

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

  /** @protected */
  emit(name, detail) {
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

  // `request` sends a command and waits for its answer; the client has it.

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
}
