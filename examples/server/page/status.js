// How far an own message has come, as a small picture with words.

import { h, icon } from './dom.js';

const SHAPES = {
  sending: ['clock', 'Sending'],
  failed: ['alert', 'Not sent'],
  sent: ['check', 'Sent'],
  delivered: ['checks', 'Delivered'],
  read: ['checks', 'Read'],
};

/**
 * @param {{state: string, read?: number, of?: number}} progress
 * @param {object} [props]
 */
export function statusMark({ state, read = 0, of = 0 }, props = {}) {
  const [shape, words] = SHAPES[state];
  const label = of > 1 && read > 0 && read < of ? `${words}, read by ${read} of ${of}` : words;
  return h('span', { ...props, class: 'status', role: 'img', 'aria-label': label, title: label, dataset: { ...props.dataset, state } }, icon(shape));
}

/** @param {import('./room-state.js').RoomState} room @param {{seq?: number, state?: string}} message */
export function progressOf(room, message) {
  if (message.seq === undefined) return { state: message.state === 'failed' ? 'failed' : 'sending' };
  return room.progress(message.seq);
}
