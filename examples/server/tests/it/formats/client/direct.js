// A front end that speaks `direct`: one socket a user, direct messages, receipts, presence, media.

import '/direct-files.js';
import { check, expect, has, is, ok } from '/kit/check.js';
import * as native from '/kit/native.js';
import { claimsOf, person } from '/kit/people.js';
import { call, contents, must } from '/kit/rest.js';
import { answersErrors, noFrames, NOTHING, refuses, refusesOversized, restRules, sameOrder, socketRules, strangeFrames } from '/kit/rules.js';
import { created, enter, list, message, MESSAGES, pair, PATH, post, SEND, settled } from '/kit/direct.js';
import { connect } from '/kit/socket.js';

const ERROR = { type: 'error', message: is.text };

socketRules(
  async () => PATH,
  (socket) => settled(socket),
);

restRules(async () => {
  const [ann, bob] = await pair();
  await post(ann, bob, 'hi');
  return {
    user: ann,
    calls: [
      ['GET', `${MESSAGES}?with=${bob.id}`],
      ['POST', SEND, { receiver: bob.id, content: 'hi', message_type: 'text' }],
      ['GET', `/users/${bob.id}/`],
    ],
    unknown: '/messages/nothing/',
    wrongMethods: [['PUT', SEND], ['DELETE', MESSAGES], ['POST', `/users/${bob.id}/`]],
  };
});

check('accounts of the example server: sign up, sign in', async () => {
  const username = `user${Math.floor(Math.random() * 1e9)}`;
  const given = { username, password: 'a long password' };
  const first = await must(201, null, 'POST', '/auth/signup/', given);
  expect(first, { token: is.text, user_id: is.id });
  ok(first.user_id < 1000, 'decimal from 1', first);
  const second = await must(200, null, 'POST', '/auth/login', given);
  expect(second, { token: is.text, user_id: first.user_id });
  expect(claimsOf(second.token).user_id, first.user_id, 'claim user_id');
  const other = await must(201, null, 'POST', '/auth/signup', { ...given, username: `${username}b` });
  await refuses(null, [
    ['a name that is taken', 409, 'POST', '/auth/signup/', given],
    ['a wrong password', 401, 'POST', '/auth/login/', { ...given, password: 'another password' }],
    ['nobody', 401, 'POST', '/auth/login/', { ...given, username: `${username}c` }],
    ['no password', 400, 'POST', '/auth/login/', { username }],
    ['no name', 400, 'POST', '/auth/signup/', { password: 'a long password' }],
    ['a name that is no text', 400, 'POST', '/auth/signup/', { username: 7, password: 'a long password' }],
    ['no JSON', 400, 'POST', '/auth/login/', '{'],
  ]);
  const [ann, bob] = [first, other].map(({ token, user_id }) => ({ token, id: user_id }));
  const socket = await enter(bob);
  const sent = await post(ann, bob, 'from an account');
  await socket.hears(created(sent));
  const { name, username: shown } = await must(200, bob, 'GET', `/users/${ann.id}/`);
  expect([name, shown], [username, username]);
});

check('a message comes to every socket of both, with no join', async () => {
  const [ann, bob] = await pair();
  const sockets = [await enter(ann), await enter(ann), await enter(bob), await enter(bob)];
  const sent = expect(await post(ann, bob, 'hi <b>'), message(ann, bob, 'hi <b>'));
  for (const socket of sockets) await socket.hears(created(sent));
  const back = expect(await post(bob, ann, 'hello'), message(bob, ann, 'hello'));
  for (const socket of sockets) await socket.hears(created(back));
  const same = (one) => ({ ...one, status: is.status });
  for (const [user, other] of [[ann, bob], [bob, ann]]) expect(await list(user, other), [same(sent), same(back)]);
});

check('a receiver may be a text, and one that is no number is', async () => {
  const [ann, bob] = await pair();
  const sent = await must(201, ann, 'POST', SEND, { receiver: String(bob.id), content: 'hi', message_type: 'text' });
  expect(sent, message(ann, bob, 'hi'));
  const cleo = await person({ user_id: 'cleo@example' });
  const socket = await enter(cleo);
  const other = await must(201, ann, 'POST', SEND, { receiver: cleo.id, content: 'to you', message_type: 'text' });
  expect(other, message(ann, cleo, 'to you'));
  await socket.hears(created(other));
  expect(contents(await list(ann, { id: encodeURIComponent(cleo.id) })), ['to you']);
});

check('a pair has one conversation, whoever writes first and however many at once', async () => {
  const [ann, bob] = await pair();
  expect(await list(ann, bob), [], 'a conversation that never was');
  const [one, two] = [await enter(ann), await enter(bob)];
  const all = [];
  const posts = [];
  for (let n = 0; n < 10; n += 1) {
    for (const [from, to] of [[ann, bob], [bob, ann]]) {
      all.push(`${from.id}/${n}`);
      posts.push(post(from, to, `${from.id}/${n}`));
    }
  }
  const ids = (await Promise.all(posts)).map(({ id }) => id);
  await post(ann, bob, 'end');
  const heard = [];
  for (const socket of [one, two]) {
    await socket.next(({ content }) => content === 'end', 'end');
    heard.push(socket.heard.filter(({ type }) => type === 'message_created').slice(0, -1));
  }
  sameOrder(heard.map((frames) => frames.map(({ content }) => content)), all);
  sameOrder(heard.map((frames) => frames.map(({ id }) => id)), ids);
  expect(contents(await list(bob, ann)), [...heard[0].map(({ content }) => content), 'end']);
  const direct = (await native.rooms(ann)).filter(({ kind }) => kind === 'direct');
  expect(direct.length, 1, 'rooms');
});

check('messages are paged backwards, the newest last', async () => {
  const [ann, bob] = await pair();
  const cleo = await person();
  const elsewhere = await post(ann, cleo, 'elsewhere');
  const ids = [];
  for (let n = 0; n < 55; n += 1) ids.push((await (n % 2 ? post(ann, bob, `${n}`) : post(bob, ann, `${n}`))).id);
  const numbers = async (more) => contents(await list(ann, bob, more)).map(Number);
  const range = (from, to) => Array.from({ length: to - from }, (_, n) => from + n);
  expect(await numbers(''), range(5, 55), '50 by default');
  expect(await numbers('&limit=200'), range(0, 55));
  expect(await numbers('&limit=3'), [52, 53, 54]);
  expect(await numbers(`&before=${ids[52]}&limit=2`), [50, 51]);
  expect(await numbers(`&before=${ids[0]}`), []);
  await refuses(ann, [
    ['an id of another room', 400, 'GET', `${MESSAGES}?with=${bob.id}&before=${elsewhere.id}`],
    ['an id of nothing', [400, 404], 'GET', `${MESSAGES}?with=${bob.id}&before=${NOTHING}`],
    ['an id that is none', 400, 'GET', `${MESSAGES}?with=${bob.id}&before=x`],
    ['a limit that is none', 400, 'GET', `${MESSAGES}?with=${bob.id}&limit=x`],
  ]);
  const many = await call(ann, 'GET', `${MESSAGES}?with=${bob.id}&limit=100000`);
  ok(many.status === 400 || many.body.length === 55, 'a limit above the bound', many.status);
});

const status = async (user, other, id) => (await list(user, other)).find((each) => each.id === id).status;

check('a message is sent, delivered, read, and its sender is told', async () => {
  const [ann, bob] = await pair();
  const one = await enter(ann);
  const first = await post(ann, bob, 'one');
  await one.hears(created(first));
  expect(first.status, 'sent');
  expect(await status(ann, bob, first.id), 'sent', 'nobody is there');
  const [two, device] = [await enter(bob), await enter(bob)];
  const second = await post(ann, bob, 'two');
  for (const socket of [two, device]) await socket.hears(created(second));
  for (const { id } of [first, second]) await one.hears({ type: 'message_delivered', id });
  expect(await status(ann, bob, second.id), 'delivered');
  const third = await post(ann, bob, 'three');
  await one.hears({ type: 'message_delivered', id: third.id });
  two.say({ type: 'message_read', id: second.id });
  for (const { id } of [first, second]) await one.hears({ type: 'message_read', id });
  expect([await status(ann, bob, second.id), await status(ann, bob, third.id)], ['read', 'delivered']);
  device.say({ type: 'message_read', id: third.id });
  await one.hears({ type: 'message_read', id: third.id });
  // What was read before is not told anew.
  two.say({ type: 'message_read', id: first.id });
  const last = await post(ann, bob, 'four');
  await one.hears({ type: 'message_delivered', id: last.id });
  two.say({ type: 'message_read', id: last.id });
  await one.hears({ type: 'message_read', id: last.id });
  for (const type of ['message_delivered', 'message_read']) {
    one.heardNo(type);
    for (const socket of [two, device]) socket.heardNo(type);
  }
});

check('receipts go to whoever wrote, on every device', async () => {
  const [ann, bob] = await pair();
  const [one, device, two] = [await enter(ann), await enter(ann), await enter(bob)];
  const mine = await post(ann, bob, 'mine');
  const yours = await post(bob, ann, 'yours');
  await two.hears({ type: 'message_delivered', id: yours.id });
  one.say({ type: 'message_read', id: yours.id });
  await two.hears({ type: 'message_read', id: yours.id });
  for (const socket of [one, device]) {
    await socket.hears({ type: 'message_delivered', id: mine.id });
    socket.heardNo('message_read', ({ id }) => id === yours.id);
    socket.heardNo('message_delivered', ({ id }) => id === yours.id);
  }
});

check('many messages read at once are told one by one, oldest first', async () => {
  const [ann, bob] = await pair();
  const [one, ids] = [await enter(ann), []];
  for (let n = 0; n < 50; n += 1) ids.push((await post(ann, bob, `${n}`)).id);
  const two = await enter(bob);
  two.say({ type: 'message_read', id: ids.at(-1) });
  const read = [];
  for (const _ of ids) read.push((await one.next(({ type }) => type === 'message_read', 'message_read')).id);
  expect(read, ids);
});

check('presence: a snapshot first, then who comes and who goes', async () => {
  const [ann, bob] = await pair();
  const [cleo, stranger] = [await person(), await person()];
  await post(ann, bob, 'hi');
  await native.makeRoom(ann, [cleo]);
  const snapshot = async (user) => {
    const socket = await connect(PATH, user);
    const first = await socket.next(() => true, 'the first frame');
    expect(first, { type: 'presence_snapshot', online_user_ids: is.list });
    return { socket, others: first.online_user_ids.filter((id) => id !== user.id).sort() };
  };
  const about = (user) => (frame) => frame.type === 'presence_update' && frame.user_id === user.id;
  const update = (user, online) => ({ type: 'presence_update', user_id: user.id, online, last_seen: online ? is.any : is.time });
  const { socket: one, others } = await snapshot(ann);
  expect(others, []);
  await snapshot(stranger);
  const { socket: first, others: seen } = await snapshot(bob);
  expect(seen, [ann.id]);
  await one.hears(update(bob, true), about(bob));
  const { socket: second } = await snapshot(bob);
  const { socket: other } = await snapshot(cleo);
  await one.hears(update(cleo, true), about(cleo));
  expect((await snapshot(ann)).others, [bob.id, cleo.id]);
  expect((await must(200, ann, 'GET', `/users/${bob.id}/`)).online, true);
  first.close();
  await first.ended;
  other.close();
  // Whoever went before would have been told by now.
  await one.hears(update(cleo, false), about(cleo));
  one.heardNo('presence_update', ({ user_id, online }) => user_id === bob.id && !online);
  second.close();
  const { last_seen } = await one.hears(update(bob, false), (frame) => about(bob)(frame) && !frame.online);
  const shown = await must(200, ann, 'GET', `/users/${bob.id}/`);
  expect(shown, has({ online: false, last_seen: is.time }));
  ok(Math.abs(Date.parse(shown.last_seen) - Date.parse(last_seen)) < 5000, 'the same time', [shown.last_seen, last_seen]);
  one.heardNo('presence_update', ({ user_id }) => user_id === stranger.id);
});

check('what is shown of a user', async () => {
  const ann = await person({ first_name: 'Ann', last_name: 'Poe', username: 'ann', avatar: '/ann.jpg', email: 'ann@example.com' });
  const bob = await person();
  await post(ann, bob, 'hi');
  await post(bob, ann, 'hi');
  const shape = { online: false, last_seen: is.any };
  expect(await must(200, bob, 'GET', `/users/${ann.id}/`), { id: ann.id, username: 'ann', name: 'Ann Poe', avatar: '/ann.jpg', ...shape });
  expect(await must(200, ann, 'GET', `/users/${bob.id}/`), { id: bob.id, username: String(bob.id), name: String(bob.id), avatar: null, ...shape });
});

check('typing is told to the other, never to the typist', async () => {
  const [ann, bob] = await pair();
  await post(ann, bob, 'hi');
  const [one, device, two] = [await enter(ann), await enter(ann), await enter(bob)];
  for (const is_typing of [true, false]) {
    one.say({ type: 'typing', to: is_typing ? bob.id : String(bob.id), is_typing });
    await two.hears({ type: 'typing', from: ann.id, is_typing });
  }
  const after = await post(bob, ann, 'after');
  for (const socket of [one, device]) {
    await socket.hears(created(after));
    socket.heardNo('typing');
  }
});

check('rooms that are not direct do not come', async () => {
  const [ann, bob] = await pair();
  const socket = await enter(ann);
  const room = await native.makeRoom(bob, [ann]);
  await native.send(bob, room, 'to all');
  const sent = await post(bob, ann, 'to you');
  await socket.hears(created(sent));
  expect(contents(await list(ann, bob)), ['to you']);
});

check('a reconnect gets what comes from then on', async () => {
  const [ann, bob] = await pair();
  await post(ann, bob, 'before');
  const socket = await enter(bob);
  const after = await post(ann, bob, 'after');
  await socket.hears(created(after));
});

check('a native client and this one meet', async () => {
  const [ann, bob] = await pair();
  const [one, two] = [await enter(ann), await native.nativeClient(bob)];
  two.say({ type: 'send', id: 1, to_user: String(ann.id), content: 'from native' });
  const seen = await native.nativeMessage(two, 'from native');
  await one.hears(created({ ...message(bob, ann, 'from native'), id: seen.id }));
  const posted = await post(ann, bob, 'from direct');
  const { id, room_id, seq } = await native.nativeMessage(two, 'from direct');
  expect(id, posted.id, 'one id');
  two.say({ type: 'read', id: 2, room_id, seq });
  await one.hears({ type: 'message_read', id });
  two.say({ type: 'typing', room_id, is_typing: true });
  await one.hears({ type: 'typing', from: bob.id, is_typing: true });
  one.say({ type: 'message_read', id: seen.id });
  await two.next(({ type, user }) => type === 'receipt' && user === String(ann.id), 'a receipt');
});

check('lists show the latest edit and leave out what was deleted; no frame tells it', async () => {
  const [ann, bob] = await pair();
  const socket = await enter(bob);
  await post(ann, bob, 'one');
  await post(ann, bob, 'two');
  const [{ id: room }] = await native.rooms(ann);
  const [one, two] = await native.history(ann, room);
  await native.edit(ann, room, one.seq, 'changed');
  await native.react(bob, room, one.seq);
  await native.remove(ann, room, two.seq);
  await post(ann, bob, 'last');
  await socket.next(({ content }) => content === 'last', 'last');
  const types = ['presence_snapshot', 'presence_update', 'message_created'];
  expect(socket.heard.filter(({ type }) => !types.includes(type)), []);
  expect(contents(await list(bob, ann)), ['changed', 'last']);
});

check('bad calls are refused and do nothing', async () => {
  const [ann, bob] = await pair();
  const good = { receiver: bob.id, content: 'bad', message_type: 'text' };
  await refuses(ann, [
    ['to oneself', 400, 'POST', SEND, { ...good, receiver: ann.id }],
    ['to oneself by a text', 400, 'POST', SEND, { ...good, receiver: String(ann.id) }],
    ['to nobody', 400, 'POST', SEND, { content: 'bad', message_type: 'text' }],
    ...[null, {}, [], true, 1.5, '', 'a\0b', 'x'.repeat(129)].map((receiver) => [`to ${JSON.stringify(receiver)}`, 400, 'POST', SEND, { ...good, receiver }]),
    ['to a fraction', 400, 'POST', SEND, JSON.stringify(good).replace(`:${bob.id}`, `:${bob.id}.0`)],
    ...[undefined, 7, null, {}, '', 'a\0b'].map((content) => [`content ${JSON.stringify(content)}`, 400, 'POST', SEND, { ...good, content }]),
    ['content that is too long', [400, 413], 'POST', SEND, { ...good, content: 'x'.repeat(16 * 1024 + 1) }],
    ['a body that is too large', [400, 413], 'POST', SEND, { ...good, content: 'x'.repeat(300_000) }],
    ['sound as JSON', 400, 'POST', SEND, { ...good, message_type: 'audio' }],
    ['an unknown message_type', 400, 'POST', SEND, { ...good, message_type: 'smell' }],
    ['a message_type that is no text', 400, 'POST', SEND, { ...good, message_type: 7 }],
    ['forged', [400, 403], 'POST', SEND, { ...good, user_id: bob.id }],
    ['with whom', 400, 'GET', MESSAGES],
    ['with what is nobody', 400, 'GET', `${MESSAGES}?with=`],
  ]);
  expect(await list(ann, bob), [], 'stored');
  expect(await native.rooms(ann), [], 'made');
});

check('bad frames are answered, do nothing, and leave the socket open', async () => {
  const [ann, bob] = await pair();
  const cleo = await person();
  const others = await post(bob, cleo, 'not yours');
  const [socket, witness] = [await enter(ann), await enter(bob)];
  const sent = await post(bob, ann, 'read me');
  await answersErrors(socket, noFrames(ERROR), ERROR);
  await answersErrors(socket, strangeFrames, ERROR);
  await answersErrors(
    socket,
    [
      ['reads nothing', { type: 'message_read' }],
      ...['x', 1.5, -1, null, {}, true].map((id) => [`reads ${JSON.stringify(id)}`, { type: 'message_read', id }]),
      ['reads what is none', { type: 'message_read', id: NOTHING }],
      ["reads another's", { type: 'message_read', id: others.id }],
      ['forged reading', { type: 'message_read', id: sent.id, user_id: bob.id }],
      ['types to nobody', { type: 'typing', is_typing: true }],
      ['types to what is none', { type: 'typing', to: {}, is_typing: true }],
      ['types to a fraction', `{"type":"typing","to":${bob.id}.0,"is_typing":true}`],
      ['types to oneself', { type: 'typing', to: ann.id, is_typing: true }],
      ['types what is no truth', { type: 'typing', to: bob.id, is_typing: 'yes' }],
      ['types without saying which', { type: 'typing', to: bob.id }],
      ['forged typing', { type: 'typing', to: bob.id, is_typing: true, user_id: bob.id }],
    ],
    ERROR,
  );
  await settled(socket);
  await witness.hears({ type: 'message_delivered', id: sent.id });
  expect(await status(bob, ann, sent.id), 'delivered', 'nothing was read');
  witness.heardNo('typing');
  witness.heardNo('message_read');
});

check('an oversized frame is refused', async () => {
  const [ann, bob] = await pair();
  await refusesOversized(await enter(ann), { type: 'typing', to: bob.id, is_typing: true, padding: 'x'.repeat(70_000) });
});

check('over the rate it is 429, and not stored', async () => {
  const [ann, bob] = await pair();
  await post(ann, bob, 'first');
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => call(ann, 'POST', SEND, { receiver: bob.id, content: `${n}`, message_type: 'text' })));
  const refused = answers.filter(({ status }) => status === 429);
  ok(refused.length > 0, 'too many at once', answers.length);
  for (const { headers } of refused) ok(/^[1-9]\d*$/.test(headers.get('Retry-After')), 'Retry-After in seconds', headers.get('Retry-After'));
  const stored = await list(ann, bob, '&limit=200');
  expect(stored.length, 1 + answers.filter(({ status }) => status === 201).length, 'stored');
});
