// The engine's own protocol, as far as it is needed to make rooms and to meet a format in one of them.

import { must } from '/kit/rest.js';
import { connect } from '/kit/socket.js';

const API = '/api/v1';

/** Makes a room. @param {object} owner @param {object[]} members @returns {Promise<number>} its id */
export async function makeRoom(owner, members = [], more = {}) {
  const body = { kind: 'group', name: 'A room', members: members.map(({ id }) => String(id)), ...more };
  return (await must([200, 201], owner, 'POST', `${API}/rooms`, body)).id;
}

export const rooms = async (user) => (await must(200, user, 'GET', `${API}/rooms`)).rooms;

/** @returns {Promise<{id: number, seq: number}>} the message */
export const send = (user, room, body) =>
  must(201, user, 'POST', `${API}/rooms/${room}/messages`, typeof body === 'string' ? { content: body } : body);

export const history = async (user, room) => (await must(200, user, 'GET', `${API}/rooms/${room}/messages?limit=200`)).messages;

export const edit = (user, room, seq, content) => must(200, user, 'PATCH', `${API}/rooms/${room}/messages/${seq}`, { content });

export const remove = (user, room, seq) => must([200, 204], user, 'DELETE', `${API}/rooms/${room}/messages/${seq}`);

export const react = (user, room, seq) =>
  must([200, 201, 204], user, 'PUT', `${API}/rooms/${room}/messages/${seq}/reactions/${encodeURIComponent('👍')}`);

export const addMember = (user, room, member) =>
  must([200, 201], user, 'POST', `${API}/rooms/${room}/members`, { user: String(member.id) });

export const dropMember = (user, room, member) => must([200, 204], user, 'DELETE', `${API}/rooms/${room}/members/${member.id}`);

export const setRole = (user, room, member, role) => must(200, user, 'PATCH', `${API}/rooms/${room}/members/${member.id}`, { role });

export const deleteRoom = (user, room) => must([200, 204], user, 'DELETE', `${API}/rooms/${room}`);

/** @param {File} file @returns {Promise<{id: number|string, url: string}>} */
export async function upload(user, room, file) {
  const form = new FormData();
  form.append('room_id', String(room));
  form.append('file', file);
  return must(201, user, 'POST', `${API}/attachments`, form);
}

/** A native client, welcomed. */
export async function nativeClient(user) {
  const socket = await connect(`${API}/ws`, user);
  socket.say({ type: 'hello' });
  await socket.next(({ type }) => type === 'welcome', 'a welcome');
  return socket;
}

/** Waits for a message on a native client: as an event, or as the last one of a room that was just added. */
export async function nativeMessage(socket, content) {
  const told = ({ type, message, room }) => (type === 'message' ? message : type === 'room_added' ? room.last_message : null);
  return told(await socket.next((frame) => told(frame)?.content === content, { content }));
}
