// What the checks of `direct` share.

import { is } from '/kit/check.js';
import { person } from '/kit/people.js';
import { must } from '/kit/rest.js';
import { connect } from '/kit/socket.js';

export const PATH = '/ws/chat';
export const MESSAGES = '/messages/';
export const SEND = '/messages/send/';

export const post = (from, to, content) => must(201, from, 'POST', SEND, { receiver: to.id, content, message_type: 'text' });
export const list = (user, other, more = '') => must(200, user, 'GET', `${MESSAGES}?with=${other.id}${more}`);

export const message = (from, to, content, message_type = 'text') => ({
  id: is.id,
  from: from.id,
  to: to.id,
  content,
  message_type,
  created_at: is.time,
  status: 'sent',
});

/** The frame that tells of a message. */
export const created = (message) => ({ type: 'message_created', ...message });

/** Connected, and the first frame taken. */
export async function enter(user) {
  const socket = await connect(PATH, user);
  await socket.next(({ type }) => type === 'presence_snapshot', 'presence_snapshot');
  return socket;
}

export async function settled(socket) {
  socket.say({ type: 'ping' });
  await socket.hears({ type: 'pong' });
}

/** Two who have not met. */
export const pair = async () => [await person({ name: 'Ann Poe' }), await person({ name: 'Bob Roe' })];
