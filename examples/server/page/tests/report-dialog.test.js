// What is said of a report before it is made.

import { whatTheSenderKnows } from '/report-dialog.js';
import { RoomState } from '/room-state.js';
import { equal, test } from '/selftest/harness.js';

test('who moderates a room sees what is reported of them', () => {
  const members = [{ user: '1', role: 'member' }, { user: '2', role: 'owner' }, { user: '3', role: 'moderator' }];
  const room = (more) => new RoomState({ id: 7, kind: 'group', head: 1, ...more }, '1');
  const known = room({ members, member_count: 3 });
  const [told, not] = [' The sender is one of them, and can see it.', ' The sender is not told.'];
  equal(['1', '2', '3', '4'].map((sender) => whatTheSenderKnows(known, sender)), [not, told, told, not]);
  equal(whatTheSenderKnows(room({ members, member_count: 300 }), '4'), '', 'not in a list that is cut');
  equal(whatTheSenderKnows(room(), '2'), '', 'nobody is known');
  equal(whatTheSenderKnows(room({ kind: 'direct', members: [{ user: '2', role: 'owner' }] }), '2'), not, 'direct rooms are for administrators');
});
