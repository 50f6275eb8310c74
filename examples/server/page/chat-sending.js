// Messages on their way: which frames they are in, and who waits for their answers.

import { ChatError } from './chat-error.js';
import { newClientId } from './chat-outbox.js';

/** @import { Draft, SendResult } from './chat-types.js' */

const utf8 = new TextEncoder();

/** @param {string} text @returns {number} */
export const bytesOf = (text) => utf8.encode(text).length;

/**
 * Why a frame cannot be said, where it cannot: control characters alone take six bytes each in JSON, so that content
 * within its own bound may be above that of a frame. The server ends the connection for it.
 * @param {string} text
 * @param {number} [most]  bytes; absent: not known
 * @returns {ChatError|null}
 */
export function tooLarge(text, most) {
  if (most === undefined || text.length * 3 <= most || bytesOf(text) <= most) return null;
  return new ChatError({ code: 'too_large', message: `too long: at most ${Math.floor(most / 1024)} KiB as JSON` });
}

/** The same whatever the order of its fields. */
const inOrder = (value) => {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, inOrder(value[name])]));
};

/** Takes messages out of the outbox, and tells those who sent them what came of it. */
export class Sending {
  /** client_id of the messages that are out, by frame id. @type {Map<number, string>} */
  #out = new Map();
  /** @type {Map<string, {resolve: Function, reject: Function}[]>} */
  #waiters = new Map();

  /**
   * @param {import('./chat-outbox.js').Outbox} outbox
   * @param {object} client
   * @param {() => number} client.now
   * @param {() => number} client.nextId
   * @param {(frame: object) => ChatError|null} client.write  why it was not written
   * @param {(change: object) => void} client.told            `outbox`
   * @param {() => void} client.changed                       there may be something to take, now or later
   */
  constructor(outbox, client) {
    this.outbox = outbox;
    this.client = client;
  }

  /**
   * Two sends of one message under one `client_id` are one message, and end alike.
   * @param {Draft} draft
   * @returns {Promise<SendResult>}
   */
  send(draft) {
    const whole = { ...draft, client_id: draft.client_id ?? newClientId() };
    return new Promise((resolve, reject) => {
      const held = this.outbox.get(whole.client_id);
      if (held && JSON.stringify(inOrder(held.draft)) !== JSON.stringify(inOrder(whole))) {
        throw new ChatError({ code: 'body_mismatch', message: 'another message is on its way under this client_id' });
      }
      if (!held) this.outbox.add(whole);
      this.#waiters.set(whole.client_id, [...(this.#waiters.get(whole.client_id) ?? []), { resolve, reject }]);
      if (held) return;
      this.client.told({ client_id: whole.client_id, draft: whole, state: 'queued' });
      this.client.changed();
    });
  }

  /** Sends what may go out. */
  pump() {
    for (const item of this.outbox.take(this.client.now())) {
      const id = this.client.nextId();
      const error = this.client.write({ type: 'send', id, ...item.draft });
      if (error) {
        this.refuse(item.client_id, error);
        continue;
      }
      this.#out.set(id, item.client_id);
      this.client.told({ client_id: item.client_id, draft: item.draft, state: 'sending' });
    }
  }

  /** Those without an answer. @returns {import('./chat-outbox.js').OutboxItem[]} */
  out() {
    return [...this.#out.values()].map((clientId) => this.outbox.get(clientId)).filter(Boolean);
  }

  /** @param {object} frame  `ok` @returns {boolean} whether it answers a message */
  answered(frame) {
    const clientId = this.#out.get(frame.id);
    if (clientId === undefined) return false;
    this.#out.delete(frame.id);
    this.settle(clientId, { room_id: frame.room_id, seq: frame.seq, message: frame.message, repeat: frame.repeat === true });
    return true;
  }

  /** @param {number} id  of the frame @param {ChatError} error @returns {boolean} whether it answers a message */
  failed(id, error) {
    const clientId = this.#out.get(id);
    if (clientId === undefined) return false;
    this.#out.delete(id);
    this.refuse(clientId, error);
    return true;
  }

  /** It is stored. @param {string} clientId @param {SendResult} result */
  settle(clientId, result) {
    const item = this.outbox.remove(clientId);
    if (!item) return;
    this.client.told({ client_id: clientId, draft: item.draft, state: 'sent', result });
    for (const waiter of this.#waitersOf(clientId)) waiter.resolve(result);
    this.client.changed();
  }

  /** It was refused: for now, or for good. @param {string} clientId @param {ChatError} error */
  refuse(clientId, error) {
    const item = this.outbox.get(clientId);
    const verdict = this.outbox.refused(clientId, error, this.client.now());
    if (verdict === 'unknown') return;
    this.client.told({ client_id: clientId, draft: item.draft, state: verdict === 'failed' ? 'failed' : 'retrying', error });
    if (verdict === 'failed') for (const waiter of this.#waitersOf(clientId)) waiter.reject(error);
    this.client.changed();
  }

  #waitersOf(clientId) {
    const waiters = this.#waiters.get(clientId) ?? [];
    this.#waiters.delete(clientId);
    return waiters;
  }

  /** The connection is gone, and with it the answers. */
  disconnected() {
    this.outbox.disconnected();
    this.#out.clear();
  }
}
