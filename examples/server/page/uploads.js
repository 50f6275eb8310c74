// Files on their way up: they belong to what is being written in a room until they are sent with it. Pure, but for the calls it is given.

import { sizeText } from './attachments.js';

/** Uploads under way at once. */
const AT_ONCE = 3;

/**
 * @typedef {object} Upload
 * @property {number} id
 * @property {number} room
 * @property {File} file
 * @property {"waiting"|"sending"|"done"|"failed"} state
 * @property {number} progress         from 0 to 1
 * @property {string} [error]
 * @property {boolean} [again]         whether it may be tried again
 * @property {import('./chat-types.js').Attachment} [attachment]
 * @property {AbortController} [stop]
 */

export class Uploads {
  /**
   * @param {object} options
   * @param {Pick<import('./chat-rest.js').ChatRest, "uploadAttachment"|"removeAttachment">} options.rest
   * @param {() => {attachments?: number, upload_bytes?: number}} options.limits
   * @param {(room: number) => void} options.changed
   */
  constructor({ rest, limits, changed }) {
    this.rest = rest;
    this.limits = limits;
    this.changed = changed;
    /** @type {Upload[]} */
    this.items = [];
    this.ids = 0;
  }

  /** @param {number} room @returns {Upload[]} */
  of(room) {
    return this.items.filter((item) => item.room === room);
  }

  /** Whether nothing of the room is on its way or has failed. @param {number} room */
  settled(room) {
    return this.of(room).every((item) => item.state === 'done');
  }

  /**
   * @param {number} room
   * @param {Iterable<File>} files
   * @returns {string|null} what to tell where some were not taken
   */
  add(room, files) {
    const { attachments: most = 10, upload_bytes: bytes } = this.limits();
    let left = most - this.of(room).length;
    let over = 0;
    for (const file of files) {
      if (left <= 0) {
        over += 1;
        continue;
      }
      left -= 1;
      this.ids += 1;
      /** @type {Upload} */
      const item = { id: this.ids, room, file, state: 'waiting', progress: 0 };
      // Known here already: nothing is sent for nothing.
      if (file.size === 0) Object.assign(item, { state: 'failed', error: 'The file is empty.' });
      else if (bytes && file.size > bytes) Object.assign(item, { state: 'failed', error: tooLarge(bytes) });
      this.items.push(item);
    }
    this.changed(room);
    this.#pump();
    return over > 0 ? `At most ${most} files in one message.` : null;
  }

  #pump() {
    for (const item of this.items) {
      if (this.items.filter((each) => each.state === 'sending').length >= AT_ONCE) return;
      if (item.state === 'waiting') this.#send(item);
    }
  }

  /** @param {Upload} item */
  async #send(item) {
    item.state = 'sending';
    item.stop = new AbortController();
    const onProgress = (sent, total) => {
      item.progress = total > 0 ? sent / total : 0;
      this.changed(item.room);
    };
    try {
      item.attachment = await this.rest.uploadAttachment(item.file, { room_id: item.room, onProgress, signal: item.stop.signal });
      // Cancelled when it had already been stored.
      if (item.stop.signal.aborted) this.#forget(item);
      item.state = 'done';
      item.progress = 1;
    } catch (error) {
      item.state = 'failed';
      item.progress = 0;
      item.error = words(error, this.limits().upload_bytes);
      item.again = error.retryable;
    }
    this.changed(item.room);
    this.#pump();
  }

  /** Once more. @param {number} id */
  retry(id) {
    const item = this.items.find((each) => each.id === id);
    if (item?.state !== 'failed' || !item.again) return;
    item.state = 'waiting';
    this.changed(item.room);
    this.#pump();
  }

  /** Cancels one that is on its way, takes away one that is there. @param {number} id */
  remove(id) {
    const item = this.items.find((each) => each.id === id);
    if (!item) return;
    this.items = this.items.filter((each) => each !== item);
    item.stop?.abort();
    if (item.state === 'done') this.#forget(item);
    this.changed(item.room);
    this.#pump();
  }

  #forget({ attachment }) {
    // What is not removed here the server collects by itself.
    this.rest.removeAttachment(attachment.id).catch(() => {});
  }

  /** Gives what is there to the message that takes it along. @param {number} room @returns {import('./chat-types.js').Attachment[]} */
  take(room) {
    const taken = this.of(room).filter((item) => item.state === 'done');
    this.items = this.items.filter((item) => !taken.includes(item));
    if (taken.length > 0) this.changed(room);
    return taken.map((item) => item.attachment);
  }

  /** The page ends. */
  close() {
    for (const item of this.items) item.stop?.abort();
    this.items = [];
  }
}

const tooLarge = (bytes) => (bytes ? `Too large: at most ${sizeText(bytes)}.` : 'Too large.');

/** @param {import('./chat-error.js').ChatError} error @param {number} [bytes] */
function words(error, bytes) {
  if (error.status === 415) return 'Files of this kind are not taken.';
  if (error.status === 413 || error.code === 'too_large') return tooLarge(bytes);
  return error.message;
}
