// Telling the moderators of a message.

import { filesText } from './attachments.js';
import { openDialog } from './dialog.js';
import { h, toast } from './dom.js';

/** Characters of a reason; the server takes no more. */
const REASON_CHARS = 1_000;

/**
 * What the sender comes to know of it: moderators see each other's reports, and reports of themselves.
 * @param {import('./room-state.js').RoomState} room
 * @param {string} sender
 */
export function whatTheSenderKnows(room, sender) {
  if (room.kind === 'direct') return ' The sender is not told.';
  const role = room.members?.get(sender)?.role;
  if (['owner', 'moderator'].includes(role)) return ' The sender is one of them, and can see it.';
  // Who left moderates no more; of a list that is cut nothing follows.
  const isKnown = role !== undefined || (room.members && room.members.size >= room.size);
  return isKnown ? ' The sender is not told.' : '';
}

/**
 * @param {import('./store.js').Store} store
 * @param {import('./room-state.js').RoomState} room
 * @param {import('./chat-types.js').Message} message
 */
export function reportDialog(store, room, message) {
  const { people, client } = store;
  const reason = h('textarea', { rows: 4, maxlength: REASON_CHARS, required: true, dataset: { testid: 'report-reason' } });
  const error = h('p', { class: 'form-error', role: 'alert', dataset: { testid: 'report-error' } });
  const send = h('button', { type: 'submit', form: 'report-form', class: 'button danger-fill', disabled: true, dataset: { testid: 'report-send' }, text: 'Report' });
  const form = h('form', { id: 'report-form' },
    h('blockquote', { class: 'reported' }, h('b', { text: people.name(message.sender) }), h('span', { dir: 'auto', text: message.content || filesText(message.attachments) })),
    h('label', { class: 'field' }, h('span', { text: 'What is wrong with it?' }), reason),
    error);
  reason.addEventListener('input', () => {
    send.disabled = reason.value.trim() === '';
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (send.disabled) return;
    send.disabled = true;
    error.textContent = '';
    try {
      await client.rest.report({ room_id: room.id, seq: message.seq, reason: reason.value.trim() });
      dialog.close();
      toast('Reported.');
    } catch (refusal) {
      error.textContent = refusal.code === 'conflict' ? 'You have reported this message before.' : refusal.message;
      send.disabled = false;
    }
  });
  const whom = room.kind === 'direct' ? 'The administrators' : 'The moderators of this conversation';
  const dialog = openDialog({ title: 'Report message', testid: 'report-dialog', body: [h('p', { class: 'lead', text: `${whom} will see the message and what you write.${whatTheSenderKnows(room, message.sender)}` }), form], foot: [send] });
  reason.focus();
}
