// What is written and not sent.

import { Drafts } from '/drafts.js';
import { equal, test } from '/selftest/harness.js';

const draft = (text, more = {}) => ({ text, mode: null, message: null, before: '', ...more });

test('drafts outlive the page, each user has their own, and signing out forgets them', () => {
  const first = new Drafts('selftest');
  first.set(7, draft('half a sen'));
  first.set(8, draft('  '));
  first.set(9, draft('', { mode: 'reply', message: { seq: 3 } }));
  first.keep();
  const second = new Drafts('selftest');
  equal([second.get(7).text, second.get(8), second.get(9).message.seq], ['half a sen', undefined, 3]);
  equal(new Drafts('somebody').get(7), undefined);
  second.forget();
  equal(new Drafts('selftest').rooms.size, 0);
});

test('drafts have a bound: the oldest goes', () => {
  const drafts = new Drafts('selftest', { getItem: () => '[[', setItem: () => { throw new Error('full'); } });
  for (let room = 1; room <= 101; room += 1) drafts.set(room, draft('x'));
  drafts.keep();
  equal([drafts.rooms.size, drafts.get(1), drafts.get(101).text], [100, undefined, 'x']);
});
