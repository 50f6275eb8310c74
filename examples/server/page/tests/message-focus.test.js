// Tab goes to one message, and to what that one links to.

import { MessageFocus } from '/message-focus.js';
import { buildMessage } from '/message-view.js';
import { equal, test } from '/selftest/harness.js';

test('links of the message that Tab stops at can be reached, those of the others cannot', () => {
  const one = (seq) => buildMessage({ seq, sender: '2', name: 'B', at: '2026-01-02T03:04:05.000Z', text: `https://x.test/${seq}`, files: [], mentions: [], reactions: [] }, false);
  const list = document.createElement('div');
  list.append(one(1), one(2));
  const stops = () => [...list.querySelectorAll('.message, a')].map((element) => element.tabIndex);
  equal(stops(), [-1, -1, -1, -1]);
  const focus = new MessageFocus(list, () => {});
  focus.restoreStop();
  equal(stops(), [-1, -1, 0, 0], 'the newest');
  document.body.append(list);
  list.lastChild.focus();
  list.lastChild.addEventListener('keydown', (event) => focus.onKey(event));
  list.lastChild.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp' }));
  equal(stops(), [0, 0, -1, -1], 'the one before');
  list.remove();
});
