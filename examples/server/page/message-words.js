// What a message says where it is only spoken of: in the list of rooms, in a quote, to those who listen.

import { filesText } from './attachments.js';

/** What stands for the messages of somebody one has blocked. */
export const HIDDEN = 'Message of somebody you blocked';

/** @param {import('./store.js').Store} store @param {{sender?: string|null}} message */
export const isHidden = (store, message) => message.sender !== store.me && store.blocked.has(message.sender);

/**
 * Its words, or its files, or what stands for them.
 * @param {import('./store.js').Store} store
 * @param {{sender?: string|null, deleted?: boolean, content?: string, attachments?: object[]}} message
 * @returns {string}
 */
export function wordsOf(store, message) {
  if (message.deleted) return 'Message deleted';
  if (isHidden(store, message)) return HIDDEN;
  return message.content || filesText(message.attachments ?? []);
}
