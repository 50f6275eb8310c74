// A front end that speaks `flat`: one socket, flat frames, rooms joined by frame.

import { check, expect, is, ok } from '/kit/check.js';
import { fileRules, picture, png } from '/kit/files.js';
import * as native from '/kit/native.js';
import { person } from '/kit/people.js';
import { answersErrors, noFrames, noRooms, NOTHING, refusesOversized, sameOrder, socketRules, strangeFrames } from '/kit/rules.js';
import { connect } from '/kit/socket.js';

const PATH = '/ws/chat/';
const ERROR = { type: 'error', message: is.text };
const said = (message) => ({ type: 'error', message });

async function join(socket, room) {
  socket.say({ type: 'join_room', room_id: room });
  await socket.hears({ type: 'room_joined', room_id: room });
}

async function joined(user, room) {
  const socket = await connect(PATH, user);
  await join(socket, room);
  return socket;
}

/** Everything that was said before is done with. */
async function settled(socket) {
  socket.say({ type: 'heartbeat' });
  await socket.hears({ type: 'heartbeat' });
}

const send = (socket, room, content, more = {}) => socket.say({ type: 'send_message', room_id: room, content, ...more });

const message = (room, sender, content) => ({
  type: 'message',
  data: {
    id: is.id,
    content,
    sender_info: { id: sender.id, name: sender.name, role: sender.role },
    created_at: is.time,
    status: 'sent',
    room_id: room,
  },
});

const ids = (socket) => socket.heard.filter(({ type }) => type === 'message').map(({ data }) => data.id);

async function pair() {
  const [ann, bob] = [await person({ first_name: 'Ann', last_name: 'Poe', role: 'teacher' }), await person({ name: 'Bob Roe' })];
  return { ann, bob, room: await native.makeRoom(ann, [bob], { name: 'n'.repeat(255) }) };
}

socketRules(
  async () => PATH,
  (socket) => settled(socket),
);

check('a message goes to everyone who joined, the sender too', async () => {
  const { ann, bob, room } = await pair();
  const [one, two] = [await joined(ann, room), await joined(bob, room)];
  send(one, room, 'Hello <b>&amp;</b> 👋');
  const seen = await one.hears(message(room, ann, 'Hello <b>&amp;</b> 👋'));
  expect(await two.hears(message(room, ann, 'Hello <b>&amp;</b> 👋')), seen);
  send(two, room, 'Hi');
  await one.hears(message(room, bob, 'Hi'));
  await two.hears(message(room, bob, 'Hi'));
  expect((await native.history(bob, room)).map(({ content }) => content), ['Hello <b>&amp;</b> 👋', 'Hi'], 'stored');
});

check('of someone without claims the id is the name, and an id that is no number is a text', async () => {
  const ann = await person();
  for (const id of ['ann@example', '007', '9007199254740993']) {
    const bob = await person({ user_id: id });
    const room = await native.makeRoom(ann, [bob]);
    const [one, two] = [await joined(ann, room), await joined(bob, room)];
    send(one, room, 'to you');
    await two.hears(message(room, ann, 'to you'));
    send(two, room, 'from me');
    const { data } = await one.next(({ type, data }) => type === 'message' && data.content === 'from me', 'from me');
    expect(data.sender_info, { id, name: id, role: 'user' });
  }
});

check('a message is given once and in one order, however many write', async () => {
  const { ann, bob, room } = await pair();
  const sockets = [await joined(ann, room), await joined(ann, room), await joined(bob, room)];
  const all = [];
  for (let n = 0; n < 12; n += 1) {
    sockets.forEach((socket, number) => {
      send(socket, room, `${number}/${n}`);
      all.push(`${number}/${n}`);
    });
  }
  for (const socket of sockets) for (const _ of all) await socket.next(({ type }) => type === 'message', 'a message');
  await Promise.all(sockets.map(settled));
  const lists = sockets.map((socket) => socket.heard.filter(({ type }) => type === 'message').map(({ data }) => data.content));
  sameOrder(lists, all);
  for (const number of [0, 1, 2]) {
    const own = lists[0].filter((content) => content.startsWith(`${number}/`));
    expect(own, own.map((_, n) => `${number}/${n}`), 'the order of one sender');
  }
  expect(new Set(ids(sockets[0])).size, all.length, 'an id each');
});

check('joining twice gives nothing twice', async () => {
  const { ann, room } = await pair();
  const socket = await joined(ann, room);
  await join(socket, room);
  send(socket, room, 'once');
  await socket.hears(message(room, ann, 'once'));
  await settled(socket);
  socket.heardNo('message');
});

check('after leaving nothing comes, and nothing of what was missed comes later', async () => {
  const { ann, bob, room } = await pair();
  const [one, two] = [await joined(ann, room), await joined(bob, room)];
  two.say({ type: 'leave_room', room_id: room });
  await settled(two);
  send(one, room, 'missed');
  await one.hears(message(room, ann, 'missed'));
  await settled(two);
  await join(two, room);
  send(one, room, 'seen');
  await two.hears(message(room, ann, 'seen'));
  expect(two.heard.map(({ type }) => type).filter((type) => !['heartbeat', 'user_status'].includes(type)), ['room_joined', 'room_joined', 'message']);
  const again = await joined(bob, room);
  await settled(again);
  again.heardNo('message');
});

check('sending needs membership, not a join', async () => {
  const { ann, bob, room } = await pair();
  const [one, two] = [await joined(ann, room), await connect(PATH, bob)];
  send(two, room, 'from outside');
  await one.hears(message(room, bob, 'from outside'));
  await settled(two);
  two.heardNo('message');
  two.heardNo('error');
});

check('typing is told to the others, never to the typist', async () => {
  const { ann, bob, room } = await pair();
  const [one, device, two] = [await joined(ann, room), await joined(ann, room), await joined(bob, room)];
  const typing = (is_typing) => ({ type: 'typing', data: { user_id: ann.id, user_name: 'Ann Poe', room_id: room, is_typing } });
  one.say({ type: 'typing_start', room_id: room });
  await two.hears(typing(true));
  one.say({ type: 'typing_stop', room_id: room });
  await two.hears(typing(false));
  send(two, room, 'after');
  for (const socket of [one, device]) {
    await socket.hears(message(room, bob, 'after'));
    socket.heardNo('typing');
  }
});

check('who shares a room is told who is there, a user with two devices once', async () => {
  const { ann, bob, room } = await pair();
  const [cleo, stranger] = [await person(), await person()];
  await native.makeRoom(ann, [cleo]);
  const status = (user, status) => ({ type: 'user_status', user_id: user.id, status });
  const about = (user) => (frame) => frame.type === 'user_status' && frame.user_id === user.id;
  const [one, apart] = [await connect(PATH, ann), await connect(PATH, stranger)];
  const first = await connect(PATH, bob);
  await one.hears(status(bob, 'online'), about(bob));
  const second = await joined(bob, room);
  first.close();
  await first.ended;
  const other = await connect(PATH, cleo);
  await one.hears(status(cleo, 'online'), about(cleo));
  other.close();
  // Whoever went before would have been told by now.
  await one.hears(status(cleo, 'offline'), about(cleo));
  one.heardNo('user_status', ({ user_id }) => user_id === bob.id);
  second.close();
  await one.hears(status(bob, 'offline'), about(bob));
  await settled(apart);
  apart.heardNo('user_status', ({ user_id }) => user_id !== stranger.id);
});

check('presence follows the rooms that one comes to share later', async () => {
  const [ann, bob] = [await person(), await person()];
  const one = await connect(PATH, ann);
  await settled(one);
  await native.makeRoom(bob, [ann]);
  await connect(PATH, bob);
  await one.hears({ type: 'user_status', user_id: bob.id, status: 'online' }, ({ type, user_id }) => type === 'user_status' && user_id === bob.id);
});

check('who was removed gets no more, and cannot join', async () => {
  const { ann, bob, room } = await pair();
  const [one, two] = [await joined(ann, room), await joined(bob, room)];
  await native.dropMember(ann, room, bob);
  two.say({ type: 'join_room', room_id: room });
  await two.hears(said('Forbidden'));
  send(one, room, 'among us');
  await one.hears(message(room, ann, 'among us'));
  await settled(two);
  two.heardNo('message');
  await native.deleteRoom(ann, room);
  one.say({ type: 'join_room', room_id: room });
  await one.hears(said('Room not found'));
});

check('bad frames are answered, do nothing, and leave the socket open', async () => {
  const { ann, bob, room } = await pair();
  const others = await native.makeRoom(bob);
  const [socket, witness] = [await joined(ann, room), await joined(bob, room)];
  await join(witness, others);
  await answersErrors(socket, noFrames(said('Invalid JSON')), ERROR);
  await answersErrors(socket, strangeFrames, ERROR);
  for (const type of ['join_room', 'leave_room', 'typing_start', 'typing_stop']) {
    await answersErrors(socket, [[`${type} without a room`, { type }]], ERROR);
  }
  await answersErrors(socket, noRooms.map((room_id) => [`joins ${JSON.stringify(room_id)}`, { type: 'join_room', room_id }]), ERROR);
  const message = { type: 'send_message', room_id: room, content: 'bad' };
  await answersErrors(
    socket,
    [
      ["joins another's room", { type: 'join_room', room_id: others }, said('Forbidden')],
      ['joins what is none', { type: 'join_room', room_id: NOTHING }, said('Room not found')],
      ["sends to another's room", { ...message, room_id: others }],
      ['sends to what is none', { ...message, room_id: NOTHING }],
      ["types in another's room", { type: 'typing_start', room_id: others }],
      ['sends nowhere', { type: 'send_message', content: 'bad' }],
      ['sends no content', { type: 'send_message', room_id: room }],
      ...[7, null, true, {}, [], '', 'a\0b', 'x'.repeat(16 * 1024 + 1)].map((content) => [
        `sends ${JSON.stringify(content).slice(0, 20)}`,
        { ...message, content },
      ]),
      ['forged', { ...message, user_id: bob.id }],
      ['forged by a text', { ...message, user_id: String(bob.id) }],
      ['a user id that is a fraction', `{"type":"send_message","room_id":${room},"content":"bad","user_id":${ann.id}.0}`],
    ],
    ERROR,
  );
  send(socket, room, 'one', { user_id: ann.id });
  send(socket, room, 'two', { user_id: String(ann.id) });
  for (const content of ['one', 'two']) expect((await witness.next(({ type }) => type === 'message', content)).data.content, content);
  expect((await native.history(bob, room)).map(({ content }) => content), ['one', 'two'], 'stored');
  expect(await native.history(bob, others), [], 'stored elsewhere');
});

check('an oversized frame is refused and stores nothing', async () => {
  const { ann, room } = await pair();
  const socket = await joined(ann, room);
  await refusesOversized(socket, { type: 'send_message', room_id: room, content: 'x'.repeat(70_000) });
  expect(await native.history(ann, room), []);
});

check('over the rate it is said, and not stored', async () => {
  const { ann, room } = await pair();
  const socket = await joined(ann, room);
  for (let n = 0; n < 150; n += 1) send(socket, room, `${n}`);
  const answer = ({ type }) => type === 'message' || type === 'error';
  for (let n = 0; n < 150; n += 1) await socket.next(answer, 'an answer to each');
  const events = ids(socket).length;
  const errors = socket.heard.filter(({ type }) => type === 'error');
  ok(errors.length > 0, 'too many at once', events);
  expect(errors, errors.map(() => said('Rate limited')));
  expect((await native.history(ann, room)).length, events, 'stored');
});

check('a native client and this one meet in a room', async () => {
  const { ann, bob, room } = await pair();
  const [one, two] = [await joined(ann, room), await native.nativeClient(bob)];
  send(one, room, 'from flat');
  const seen = await native.nativeMessage(two, 'from flat');
  expect((await one.hears(message(room, ann, 'from flat'))).data.id, seen.id, 'one id');
  two.say({ type: 'send', id: 1, room_id: room, content: 'from native' });
  await one.hears(message(room, bob, 'from native'));
  two.say({ type: 'typing', room_id: room, is_typing: true });
  await one.hears({ type: 'typing', data: { user_id: bob.id, user_name: 'Bob Roe', room_id: room, is_typing: true } });
  one.say({ type: 'typing_start', room_id: room });
  await two.next(({ type, user }) => type === 'typing' && user === String(ann.id), 'typing');
});

check('what has no frame here is not sent', async () => {
  const { ann, bob, room } = await pair();
  const socket = await joined(ann, room);
  const { seq } = await native.send(bob, room, 'first');
  await socket.hears(message(room, bob, 'first'));
  await native.edit(bob, room, seq, 'changed');
  await native.react(bob, room, seq);
  await native.remove(bob, room, seq);
  await native.addMember(ann, room, await person());
  await native.send(bob, room, 'last');
  await socket.hears(message(room, bob, 'last'));
  const types = new Set(socket.heard.map(({ type }) => type));
  types.delete('user_status');
  expect([...types], ['room_joined', 'message']);
});

check('a file has its URL as content', async () => {
  const { ann, bob, room } = await pair();
  const socket = await joined(ann, room);
  const file = await native.upload(bob, room, await png());
  await native.send(bob, room, { content: '', attachments: [file.id] });
  const { data } = await socket.hears(message(room, bob, is.text));
  await native.rooms(ann);
  expect(await picture(data.content), { width: 40, height: 30 });
});

fileRules(async () => {
  const { ann, bob, room } = await pair();
  const file = await native.upload(bob, room, await png());
  await native.send(bob, room, { content: '', attachments: [file.id] });
  return { member: ann, stranger: await person(), url: file.url, read: `/api/v1/rooms/${room}/messages` };
});

check('the answer to the upgrade sets the cookie of the files', async () => {
  const { ann, bob, room } = await pair();
  const socket = await joined(bob, room);
  const file = await native.upload(bob, room, await png());
  await native.send(bob, room, { content: '', attachments: [file.id] });
  const { data } = await socket.hears(message(room, bob, is.text));
  await connect(PATH, await person());
  expect(await picture(data.content), null, 'by the cookie of a stranger');
  await connect(PATH, ann);
  ok(await picture(`${data.content}?again`), 'opens after an upgrade alone');
});
