// A front end that speaks `envelope`: one socket, every frame a type, its data and a time.

import { check, expect, is, ok } from '/kit/check.js';
import { fileRules, picture, png } from '/kit/files.js';
import * as native from '/kit/native.js';
import { badTokens, person } from '/kit/people.js';
import { answersErrors, noFrames, noRooms, NOTHING, refusesOversized, sameOrder, socketRules, strangeFrames } from '/kit/rules.js';
import { connect } from '/kit/socket.js';

const PATH = '/ws/chat/';
const ERROR = { type: 'error', data: { error: is.text }, timestamp: is.time };
const said = (error) => ({ type: 'error', data: { error }, timestamp: is.time });
const stamp = () => ({ timestamp: new Date().toISOString() });

async function settled(socket) {
  socket.say({ type: 'ping', data: {}, ...stamp() });
  await socket.hears({ type: 'pong', data: {}, timestamp: is.time });
}

const say = (socket, type, data, more = {}) => socket.say({ type, data, ...more, ...stamp() });

function send(socket, user, room, content, more = {}) {
  say(socket, 'message', { room_id: room, content }, { room_id: room, user_id: user.id, ...more });
}

const message = (room, sender, content) => ({
  type: 'message',
  data: {
    id: is.id,
    content,
    sender: sender.id,
    chat: room,
    created_at: is.time,
    sender_info: { id: sender.id, name: sender.name, role: sender.role, avatar: sender.avatar },
  },
  room_id: room,
  timestamp: is.time,
});

/** Joining has no answer: it is done when an own message comes back, which nobody else minds. */
async function join(socket, user, room) {
  const content = `${user.name} joins`;
  say(socket, 'join_room', { room_id: room }, { room_id: room });
  send(socket, user, room, content);
  await socket.next(({ type, data }) => type === 'message' && data.content === content, content);
}

async function joined(user, room) {
  const socket = await connect(PATH, user);
  await join(socket, user, room);
  return socket;
}

/** Both are in, and have taken what was said on the way. */
async function bothJoined({ ann, bob, room }) {
  const one = await joined(ann, room);
  const two = await joined(bob, room);
  await one.hears(message(room, bob, `${bob.name} joins`));
  return [one, two];
}

async function pair() {
  const ann = await person({ first_name: 'John', last_name: 'Doe', role: 'teacher', avatar: '/path/to/avatar.jpg' });
  const bob = await person({ name: 'Bob Roe' });
  return { ann, bob, room: await native.makeRoom(ann, [bob]) };
}

socketRules(
  async () => PATH,
  (socket) => settled(socket),
);

check('the token may come in the first frame', async () => {
  const { ann, bob, room } = await pair();
  const [one, two] = [await connect(PATH, null), await joined(bob, room)];
  say(one, 'auth', { user_id: ann.id, token: ann.token });
  await join(one, ann, room);
  await two.hears(message(room, ann, `${ann.name} joins`));
  const text = await connect(PATH, null);
  say(text, 'auth', { user_id: String(ann.id), token: ann.token });
  await settled(text);
});

check('a first frame without a token will do where the URL has one', async () => {
  const ann = await person();
  const socket = await connect(PATH, ann);
  say(socket, 'auth', { user_id: ann.id });
  await settled(socket);
  socket.heardNo('error');
});

check('without a token in the first frame, or in time, it is closed with 4401', async () => {
  const ann = await person();
  const late = await connect(PATH, null);
  for (const [, token] of await badTokens()) {
    const socket = await connect(PATH, null);
    say(socket, 'auth', { user_id: ann.id, token });
    await socket.ends(4401);
  }
  const bare = await connect(PATH, null);
  say(bare, 'auth', { user_id: ann.id });
  await bare.ends(4401);
  await late.ends(4401);
});

check('before the token nothing is done', async () => {
  const { ann, bob, room } = await pair();
  const [socket, witness] = [await connect(PATH, null), await joined(bob, room)];
  say(socket, 'join_room', { room_id: room }, { room_id: room });
  send(socket, ann, room, 'too early');
  await socket.ends(4401);
  ok(!socket.heard.some(({ type }) => type === 'message' || type === 'pong'), 'heard something', socket.heard);
  send(witness, bob, room, 'later');
  await witness.hears(message(room, bob, 'later'));
});

check('a first frame of another user than the token is refused', async () => {
  const { ann, bob, room } = await pair();
  for (const [given, token] of [[null, ann.token], [ann, undefined], [ann, ann.token]]) {
    const socket = await connect(PATH, given);
    say(socket, 'auth', { user_id: bob.id, token });
    const heard = socket.next(({ type }) => type === 'error', 'an error, or 4401').catch(() => socket.end);
    const seen = await heard;
    ok(seen?.type === 'error' || seen?.code === 4401, 'an error, or 4401', seen);
  }
  expect(await native.history(ann, room), []);
});

check('a message goes to everyone who joined, the sender too', async () => {
  const { ann, bob, room } = await pair();
  const [one, two] = await bothJoined({ ann, bob, room });
  send(one, ann, room, 'Hello world!');
  const { data } = await one.hears(message(room, ann, 'Hello world!'));
  expect((await two.hears(message(room, ann, 'Hello world!'))).data, data);
  send(two, bob, room, 'Hi');
  await one.hears(message(room, bob, 'Hi'));
  await two.hears(message(room, bob, 'Hi'));
});

check('the room may stand in the data, outside, or in both alike', async () => {
  const { ann, room } = await pair();
  const other = await native.makeRoom(ann);
  const socket = await joined(ann, room);
  say(socket, 'message', { room_id: room, content: 'inside' });
  await socket.hears(message(room, ann, 'inside'));
  say(socket, 'message', { content: 'outside' }, { room_id: room });
  await socket.hears(message(room, ann, 'outside'));
  say(socket, 'join_room', {}, { room_id: other });
  say(socket, 'message', { content: 'other' }, { room_id: other });
  await socket.hears(message(other, ann, 'other'));
  for (const type of ['join_room', 'leave_room', 'message', 'typing']) {
    say(socket, type, { room_id: room, content: 'both', is_typing: true }, { room_id: other });
    await socket.hears(ERROR);
  }
  expect((await native.history(ann, other)).map(({ content }) => content), ['other']);
});

check("a client's time is never the message's, and its user only its own", async () => {
  const { ann, room } = await pair();
  const socket = await joined(ann, room);
  const old = { timestamp: '2001-02-03T04:05:06Z' };
  for (const user_id of [ann.id, String(ann.id), undefined]) {
    socket.say({ type: 'message', data: { room_id: room, content: 'old' }, room_id: room, user_id, ...old });
    await socket.hears(message(room, ann, 'old'));
  }
});

check('of someone without claims the id is the name, and an id that is no number is a text', async () => {
  const ann = await person();
  const [one, bob] = [await connect(PATH, ann), await person({ user_id: 'bob@example' })];
  const room = await native.makeRoom(ann, [bob]);
  await join(one, ann, room);
  const two = await joined(bob, room);
  await one.hears(message(room, bob, 'bob@example joins'));
  say(two, 'typing', { room_id: room, is_typing: true }, { room_id: room, user_id: bob.id });
  const { data } = await one.next(({ type }) => type === 'typing', 'typing');
  expect(data, { room_id: room, user_id: 'bob@example', user_name: 'bob@example', is_typing: true });
});

check('a message is given once and in one order, however many write', async () => {
  const { ann, bob, room } = await pair();
  const [one, three] = await bothJoined({ ann, bob, room });
  const two = await joined(ann, room);
  for (const socket of [one, three]) await socket.hears(message(room, ann, `${ann.name} joins`));
  const senders = [[one, ann], [two, ann], [three, bob]];
  const all = [];
  for (let n = 0; n < 12; n += 1) {
    senders.forEach(([socket, user], number) => {
      send(socket, user, room, `${number}/${n}`);
      all.push(`${number}/${n}`);
    });
  }
  const lists = [];
  for (const [socket] of senders) {
    const list = [];
    for (const _ of all) list.push((await socket.next(({ type }) => type === 'message', 'a message')).data.content);
    await settled(socket);
    socket.heardNo('message');
    lists.push(list);
  }
  sameOrder(lists, all);
  const own = lists[0].filter((content) => content.startsWith('1/'));
  expect(own, own.map((_, n) => `1/${n}`), 'the order of one sender');
});

check('after leaving nothing comes, and nothing of what was missed comes later', async () => {
  const { ann, bob, room } = await pair();
  const [one, two] = await bothJoined({ ann, bob, room });
  say(two, 'leave_room', { room_id: room }, { room_id: room });
  await settled(two);
  send(one, ann, room, 'missed');
  await one.hears(message(room, ann, 'missed'));
  await settled(two);
  await join(two, bob, room);
  send(one, ann, room, 'seen');
  await two.hears(message(room, ann, 'seen'));
  const again = await joined(bob, room);
  await settled(again);
  again.heardNo('message');
});

check('sending needs membership, not a join', async () => {
  const { ann, bob, room } = await pair();
  const [one, two] = [await joined(ann, room), await connect(PATH, bob)];
  send(two, bob, room, 'from outside');
  await one.hears(message(room, bob, 'from outside'));
  await settled(two);
  two.heardNo('message');
  two.heardNo('error');
});

check('typing is told to the others, never to the typist', async () => {
  const { ann, bob, room } = await pair();
  const device = await joined(ann, room);
  const [one, two] = await bothJoined({ ann, bob, room });
  for (const is_typing of [true, false]) {
    say(one, 'typing', { room_id: room, is_typing }, { room_id: room, user_id: ann.id });
    const data = { room_id: room, user_id: ann.id, user_name: 'John Doe', is_typing };
    await two.hears({ type: 'typing', data, timestamp: is.time });
  }
  send(two, bob, room, 'after');
  for (const socket of [one, device]) {
    await socket.next(({ type, data }) => type === 'message' && data.content === 'after', 'after');
    socket.heardNo('typing');
  }
});

check('who shares a room is told who is there and who is away', async () => {
  const { ann, bob } = await pair();
  const stranger = await person();
  const [one, apart] = [await connect(PATH, ann), await connect(PATH, stranger)];
  const about = ({ type, data }) => type === 'user_status' && data.user_id === bob.id;
  const status = (status) => ({ type: 'user_status', data: { user_id: bob.id, status, last_seen: status === 'offline' ? is.time : is.any }, timestamp: is.time });
  const two = await connect(PATH, bob);
  await one.hears(status('online'), about);
  for (const now of ['away', 'online', 'offline', 'online']) {
    say(two, 'user_status', { status: now }, { user_id: bob.id });
    await one.hears(status(now), about);
  }
  two.close();
  await one.hears(status('offline'), about);
  await settled(apart);
  apart.heardNo('user_status', ({ data }) => data.user_id !== stranger.id);
});

check('a user with two devices is offline when the last one is gone', async () => {
  const { ann, bob } = await pair();
  const cleo = await person();
  await native.makeRoom(ann, [cleo]);
  const one = await connect(PATH, ann);
  const about = (user) => ({ type, data }) => type === 'user_status' && data.user_id === user.id;
  const told = async (user, status) => expect((await one.next(about(user), status)).data.status, status);
  const first = await connect(PATH, bob);
  await told(bob, 'online');
  const second = await connect(PATH, bob);
  await settled(second);
  first.close();
  await first.ended;
  const other = await connect(PATH, cleo);
  await told(cleo, 'online');
  other.close();
  // Whoever went before would have been told by now.
  await told(cleo, 'offline');
  one.heardNo('user_status', ({ data }) => data.user_id === bob.id);
  second.close();
  await told(bob, 'offline');
});

check('who was removed gets no more', async () => {
  const { ann, bob, room } = await pair();
  const [one, two] = await bothJoined({ ann, bob, room });
  await native.dropMember(ann, room, bob);
  say(two, 'join_room', { room_id: room }, { room_id: room });
  await two.hears(ERROR);
  send(one, ann, room, 'among us');
  await one.hears(message(room, ann, 'among us'));
  await settled(two);
  two.heardNo('message');
  await native.deleteRoom(ann, room);
  say(one, 'join_room', { room_id: room }, { room_id: room });
  await one.hears(said('Invalid room ID'));
});

check('bad frames are answered, do nothing, and leave the socket open', async () => {
  const { ann, bob, room } = await pair();
  const others = await native.makeRoom(bob);
  const socket = await joined(ann, room);
  await answersErrors(socket, noFrames(ERROR), ERROR);
  await answersErrors(socket, strangeFrames, ERROR);
  const frame = (type, data, more = {}) => ({ type, data, ...more, ...stamp() });
  await answersErrors(socket, noRooms.map((id) => [`joins ${JSON.stringify(id)}`, frame('join_room', { room_id: id })]), ERROR);
  const bad = (more, outside = {}) => frame('message', { room_id: room, content: 'bad', ...more }, { room_id: room, user_id: ann.id, ...outside });
  await answersErrors(
    socket,
    [
      ['no data', { type: 'message', room_id: room, ...stamp() }],
      ['data that is no object', frame('message', 'bad', { room_id: room })],
      ['joins nowhere', frame('join_room', {})],
      ['leaves nowhere', frame('leave_room', {})],
      ["joins another's room", frame('join_room', { room_id: others }, { room_id: others })],
      ['joins what is none', frame('join_room', { room_id: NOTHING }, { room_id: NOTHING }), said('Invalid room ID')],
      ['sends to what is none', frame('message', { room_id: NOTHING, content: 'bad' }), said('Invalid room ID')],
      ['types in what is none', frame('typing', { room_id: NOTHING, is_typing: true }), said('Invalid room ID')],
      ["sends to another's room", frame('message', { room_id: others, content: 'bad' })],
      ["types in another's room", frame('typing', { room_id: others, is_typing: true })],
      ['sends nowhere', frame('message', { content: 'bad' })],
      ...[undefined, 7, null, true, {}, [], '', 'a\0b', 'x'.repeat(16 * 1024 + 1)].map((content) => [
        `sends ${JSON.stringify(content)?.slice(0, 20)}`,
        bad({ content }),
      ]),
      ['types what is no truth', frame('typing', { room_id: room, is_typing: 'yes' })],
      ['types without saying which', frame('typing', { room_id: room })],
      ['is what one cannot be', frame('user_status', { status: 'asleep' })],
      ['is nothing', frame('user_status', {})],
      ['forged message', bad({}, { user_id: bob.id })],
      ['forged by a text', bad({}, { user_id: String(bob.id) })],
      ['forged in the data', bad({ user_id: bob.id })],
      ['forged typing', frame('typing', { room_id: room, is_typing: true }, { user_id: bob.id })],
      ['forged status', frame('user_status', { status: 'away' }, { user_id: bob.id })],
      ['a user id that is a fraction', JSON.stringify(bad({})).replace(`"user_id":${ann.id}`, `"user_id":${ann.id}.0`)],
    ],
    ERROR,
  );
  send(socket, ann, room, 'good');
  await socket.hears(message(room, ann, 'good'));
  expect((await native.history(bob, room)).map(({ content }) => content), [`${ann.name} joins`, 'good'], 'stored');
  expect(await native.history(bob, others), [], 'stored elsewhere');
});

check('an oversized frame is refused and stores nothing', async () => {
  const { ann, room } = await pair();
  const socket = await connect(PATH, ann);
  await refusesOversized(socket, { type: 'message', data: { room_id: room, content: 'x'.repeat(70_000) }, ...stamp() });
  expect(await native.history(ann, room), []);
});

check('over the rate it is said, and not stored', async () => {
  const { ann, room } = await pair();
  const socket = await joined(ann, room);
  for (let n = 0; n < 150; n += 1) send(socket, ann, room, `${n}`);
  const answers = [];
  for (let n = 0; n < 150; n += 1) answers.push(await socket.next(({ type }) => type === 'message' || type === 'error', 'an answer to each'));
  const errors = answers.filter(({ type }) => type === 'error');
  ok(errors.length > 0, 'too many at once', answers.length);
  for (const error of errors) expect(error, ERROR);
  expect((await native.history(ann, room)).length, 1 + answers.length - errors.length, 'stored');
});

check('a native client and this one meet in a room', async () => {
  const { ann, bob, room } = await pair();
  const [one, two] = [await joined(ann, room), await native.nativeClient(bob)];
  send(one, ann, room, 'from envelope');
  const seen = await native.nativeMessage(two, 'from envelope');
  expect((await one.hears(message(room, ann, 'from envelope'))).data.id, seen.id, 'one id');
  two.say({ type: 'send', id: 1, room_id: room, content: 'from native' });
  await one.hears(message(room, bob, 'from native'));
  two.say({ type: 'presence', id: 2, status: 'away' });
  await one.next(({ type, data }) => type === 'user_status' && data.user_id === bob.id && data.status === 'away', 'away');
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
  expect([...types], ['message']);
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
