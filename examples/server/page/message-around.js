// A message that lies too far back for the list, with those about it.

import { filesText } from './attachments.js';
import { openDialog } from './dialog.js';
import { h, toast } from './dom.js';
import { renderText } from './text.js';
import { listTime, wholeTime } from './time.js';

const LIMIT = 40;

/** @param {import('./store.js').Store} store @param {import('./room-state.js').RoomState} room @param {number} seq */
export async function aroundDialog(store, room, seq) {
  const page = await store.client.history(room.id, { around: seq, limit: LIMIT }).catch((error) => toast(error.message, 'error'));
  if (!page) return;
  if (!page.messages.some((message) => message.seq === seq && !message.deleted)) return toast('This message is not there any more.');
  const { people, me } = store;
  const name = (sender) => (sender === null ? 'The host' : sender === me ? 'You' : people.name(sender));
  const row = (message) => h('div', { class: `around-message${message.seq === seq ? ' here' : ''}`, dataset: { testid: 'around-message', seq: message.seq } },
    h('span', { class: 'room-top' }, h('b', { class: 'room-name', text: name(message.sender) }), h('time', { class: 'room-time', datetime: message.at, title: wholeTime(message.at), text: listTime(message.at) })),
    h('span', { class: 'around-text' }, message.deleted ? 'Message deleted' : message.content ? renderText(message.content, []) : filesText(message.attachments)));
  const { element } = openDialog({ title: store.title(room), testid: 'around-dialog', body: page.messages.filter((message) => !store.blocked.has(message.sender)).map(row) });
  element.querySelector('.here')?.scrollIntoView({ block: 'center' });
}
