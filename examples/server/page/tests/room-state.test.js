// A room's state: pages and events in any order come to the same.

import { RoomState } from '/room-state.js';
import { equal, message, ok, test } from '/selftest/harness.js';

const room = (more = {}) => new RoomState({ id: 7, kind: 'group', name: 'R', head: 10, read: 10, unread: 0, mentions: 0, role: 'member', ...more }, '1');
const loaded = (more) => Object.assign(room(more), { loaded: true });
const event = (seq, type, more) => ({ type, room_id: 7, seq, at: '2026-01-02T03:04:05.000Z', actor: '2', ...more });
const texts = (state) => state.inOrder().map((entry) => entry.content);

test('an event twice is an event once', () => {
  const state = loaded();
  const events = [message(11), event(12, 'reaction_added', { target: 11, emoji: '👍' }), event(13, 'message_edited', { message: { ...message(11).message, content: 'new', version: 2 } })];
  for (const each of [...events, ...events]) state.apply(each);
  const held = state.messages.get(11);
  equal([held.content, held.reactions, state.unread], ['new', [{ emoji: '👍', count: 1, mine: false }], 1]);
});

test('a page is not changed by events that are in it already', () => {
  const state = loaded();
  state.merge({ messages: [{ ...message(11).message, reactions: [{ emoji: '👍', count: 2, mine: true }] }], as_of: 14, more: false });
  state.apply(event(14, 'reaction_added', { target: 11, emoji: '👍' }));
  equal(state.messages.get(11).reactions[0].count, 2);
  state.apply(event(15, 'reaction_removed', { target: 11, emoji: '👍', actor: '1' }));
  equal(state.messages.get(11).reactions, [{ emoji: '👍', count: 1, mine: false }]);
});

test('what happens while a page is under way is put on top of it', async () => {
  const state = room();
  await state.loading(async () => {
    state.apply(message(11));
    state.apply(event(12, 'message_deleted', { target: 9 }));
    state.apply(event(13, 'reaction_added', { target: 8, emoji: '🔥' }));
    state.merge({ messages: [message(8).message, message(9).message], as_of: 10, more: false });
    state.loaded = true;
  });
  equal(texts(state), ['text 8', '', 'text 11']);
  equal([state.messages.get(9).deleted, state.messages.get(8).reactions.length], [true, 1]);
});

test('an older version does not replace a newer one', () => {
  const state = loaded();
  state.apply(message(11));
  state.apply(event(12, 'message_edited', { message: { ...message(11).message, content: 'third', version: 3 } }));
  state.apply(event(13, 'message_edited', { message: { ...message(11).message, content: 'second', version: 2 } }));
  equal(texts(state), ['third']);
});

test('a delete leaves a tombstone, also in the list', () => {
  const state = loaded();
  state.apply(message(11));
  state.apply(event(12, 'message_deleted', { target: 11 }));
  equal([state.messages.get(11).deleted, state.messages.get(11).content, state.last.deleted], [true, '', true]);
});

test('unread: others count, own messages read', () => {
  const state = loaded();
  state.apply(message(11, { message: { mentions: ['1'] } }));
  state.apply(message(12));
  equal([state.unread, state.mentions], [2, 1]);
  state.apply(message(13, { actor: '1' }));
  equal([state.unread, state.mentions, state.read], [0, 0, 13]);
});

test('a description from before the last reading does not bring the badge back', () => {
  const state = loaded();
  state.apply(message(11));
  state.read = 11;
  state.unread = 0;
  state.describe({ head: 11, read: 10, unread: 1, mentions: 0 });
  equal(state.unread, 0);
  state.describe({ head: 12, read: 11, unread: 1, mentions: 1 });
  equal([state.unread, state.mentions], [1, 1]);
});

test('ticks: delivered and read when all others are', () => {
  const state = loaded({ members: ['1', '2', '3'].map((user) => ({ user, role: 'member' })) });
  equal(state.progress(11), { state: 'sent', read: 0, of: 2 });
  state.point({ user: '2', read: 11, delivered: 11 });
  equal(state.progress(11), { state: 'sent', read: 1, of: 2 });
  state.point({ user: '3', read: 0, delivered: 11 });
  equal(state.progress(11).state, 'delivered');
  state.point({ user: '3', read: 12, delivered: 12 });
  equal(state.progress(11).state, 'read');
  state.point({ user: '3', read: 1, delivered: 1 });
  equal(state.progress(11).state, 'read', 'pointers never go back');
});

test('members come, change and go', () => {
  const state = loaded({ members: [{ user: '1', role: 'owner' }] });
  state.apply(event(11, 'member_joined', { member: { user: '2', role: 'member' } }));
  state.apply(event(12, 'member_changed', { member: { user: '2', role: 'owner' }, former_owner: { user: '1', role: 'moderator' } }));
  equal([state.members.get('2').role, state.members.get('1').role, state.role], ['owner', 'moderator', 'moderator']);
  state.apply(event(13, 'member_left', { user: '2', reason: 'left', successor: { user: '1', role: 'owner' } }));
  equal([state.members.size, state.role, state.canManage()], [1, 'owner', true]);
});

test('an own message without an answer gives way to its event', () => {
  const state = loaded();
  state.outgoing.push({ client_id: 'c', draft: { content: 'x' }, state: 'sending' });
  state.apply(message(11, { actor: '1', client_id: 'c' }));
  equal([state.outgoing.length, state.messages.get(11).client_id], [0, 'c']);
  ok(state.messages.size === 1);
});

test('the number of members goes with those who come and go, once each', () => {
  const state = loaded({ member_count: 300, members: [{ user: '1', role: 'owner' }, { user: '2', role: 'member' }] });
  state.apply(event(11, 'member_left', { user: '2', reason: 'left' }));
  state.apply(event(11, 'member_left', { user: '2', reason: 'left' }));
  equal(state.size, 299);
  state.describe({ head: 10, member_count: 300, members: [{ user: '1', role: 'owner' }, { user: '2', role: 'member' }] });
  equal([state.size, state.members.has('2')], [299, false], 'what was read before');
  state.apply(event(12, 'member_joined', { member: { user: '3', role: 'member' } }));
  equal(state.size, 300);
  state.describe({ head: 12, member_count: 4 });
  equal(state.size, 4, 'what was read now');
});

test('how far the last message came is not guessed', () => {
  const last_message = { seq: 10, sender: '1', kind: 'text', content: 'x', at: '2026-01-02T03:04:05.000Z' };
  equal(room({ last_message }).lastProgress(), null);
  equal(room({ last_message: { ...last_message, status: 'read' } }).lastProgress().state, 'read');
  const direct = room({ kind: 'direct', peer: '2', last_message });
  equal(direct.lastProgress(), null);
  direct.point({ user: '2', read: 10 });
  equal(direct.lastProgress().state, 'read');
  const group = room({ last_message: { ...last_message, status: 'delivered' } });
  group.point({ user: '2', read: 10 });
  equal(group.lastProgress().state, 'delivered', 'one of many');
  group.describe({ head: 10, members: [{ user: '1' }, { user: '2' }], pointers: [{ user: '2', read: 10, delivered: 10 }] });
  equal(group.lastProgress().state, 'read');
});
