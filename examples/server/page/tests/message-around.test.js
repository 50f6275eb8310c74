// A message too far back for the list is shown with those about it.

import { aroundDialog } from '/message-around.js';
import { equal, message, test } from '/selftest/harness.js';

const store = (messages) => ({
  me: '1', blocked: new Set(['3']), people: { name: (user) => `name ${user}` }, title: () => 'Garden',
  client: { history: async (room, about) => ({ messages, asked: [room, about] }) },
});

test('the message and those about it are shown, but nobody who is blocked', async () => {
  const toasts = document.body.appendChild(document.createElement('div'));
  toasts.id = 'toasts';
  const messages = [message(4).message, message(5, { actor: '3' }).message, message(6, { actor: '1' }).message];
  await aroundDialog(store(messages), { id: 7 }, 6);
  const dialog = document.querySelector('[data-testid="around-dialog"]');
  const rows = [...dialog.querySelectorAll('[data-testid="around-message"]')];
  equal(rows.map((row) => [row.dataset.seq, row.querySelector('b').textContent, row.classList.contains('here')]), [['4', 'name 2', false], ['6', 'You', true]]);
  dialog.close();
  // One that was deleted meanwhile.
  await aroundDialog(store([{ ...message(6).message, content: '', deleted: true }]), { id: 7 }, 6);
  equal([document.querySelector('dialog[open]'), toasts.childElementCount], [null, 1]);
  toasts.remove();
});
