// What the checks of `conversation` share.

import { is } from '/kit/check.js';
import { person } from '/kit/people.js';
import { must } from '/kit/rest.js';
import { connect } from '/kit/socket.js';

export const CONVERSATIONS = '/api/conversations/';

export const at = (id, more = '') => `${CONVERSATIONS}${id}/${more}`;
export const socketOf = (id) => `/ws/chat/${id}/`;
export const enter = (id, user) => connect(socketOf(id), user);

export const make = async (owner, members, name = 'A conversation') =>
  (await must([200, 201], owner, 'POST', CONVERSATIONS, { name, participants: members.map((member) => member.id) })).id;

export const post = (user, id, content, more = {}) => must(201, user, 'POST', at(id, 'send_message/'), { content, ...more });
export const list = (user, id, more = '') => must(200, user, 'GET', `${at(id, 'messages/')}${more}`);
export const conversations = (user) => must(200, user, 'GET', CONVERSATIONS);
export const seenBy = (user, id) => must(200, user, 'GET', at(id));

export const participant = ({ id, name, avatar }) => ({ id, name, avatar });

export const message = (conversation, sender, content, attachments = []) => ({
  id: is.id,
  conversation,
  sender: participant(sender),
  content,
  attachments,
  created_at: is.time,
});

/** The frame that tells of a message. */
export const event = (message) => ({ type: 'chat_message', message });

export async function group() {
  const ann = await person({ name: 'Ann Poe', avatar: '/ann.jpg' });
  const [bob, cleo, stranger] = [await person({ name: 'Bob Roe' }), await person(), await person()];
  return { ann, bob, cleo, stranger, id: await make(ann, [bob, cleo]) };
}

export function form(file) {
  const data = new FormData();
  data.append('file', file);
  return data;
}
