// What counts as read.

import { MessageList } from '/message-list.js';
import { equal, test } from '/selftest/harness.js';

test('the end is read, unless what lies below it was never loaded', () => {
  const list = document.createElement('div');
  list.append(Object.assign(document.createElement('p'), { textContent: 'the newest' }));
  list.firstChild.dataset.seq = '20';
  document.body.append(list);
  const read = [];
  for (const hasUnreadHole of [true, false]) {
    const room = { loaded: true, read: 10, hasUnreadHole };
    MessageList.prototype.see.call({ room, placed: true, pinned: true, log: list, list, store: { read: (_, seq) => read.push([hasUnreadHole, seq]) } });
  }
  list.remove();
  equal(read, [[false, 20]]);
});
