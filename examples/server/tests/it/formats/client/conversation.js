// A front end that speaks `conversation`: one socket a conversation, messages sent over REST.

import '/conversation-files.js';
import { check, either, expect, has, is, ok } from '/kit/check.js';
import { at, conversations, CONVERSATIONS, enter, event, form, group, list, make, message, participant, post, seenBy, socketOf } from '/kit/conversation.js';
import { png } from '/kit/files.js';
import * as native from '/kit/native.js';
import { badTokens, person } from '/kit/people.js';
import { call, contents, must } from '/kit/rest.js';
import { NOTHING, refuses, refusesOversized, restRules, sameOrder, socketRules } from '/kit/rules.js';
import { connect } from '/kit/socket.js';

const NOTIFICATIONS = '/ws/notifications/';

/** It works where a message comes. */
async function alive(socket, path, user) {
  const id = Number(path.match(/\d+/)[0]);
  const sent = await post(user, id, 'are you there');
  await socket.hears(event(sent));
}

socketRules(async (user) => socketOf(await make(user, [await person()])), alive);

restRules(async () => {
  const { ann, bob, cleo, id } = await group();
  const [one, two] = [await post(ann, id, 'one'), await post(ann, id, 'two')];
  const file = await must(201, ann, 'POST', at(id, 'attachments/'), form(await png()));
  return {
    user: ann,
    calls: [
      ['GET', CONVERSATIONS],
      ['POST', CONVERSATIONS, { name: 'Another', participants: [bob.id] }],
      ['GET', at(id)],
      ['PATCH', at(id), { name: 'Renamed' }],
      ['GET', at(id, 'messages/')],
      ['POST', at(id, 'send_message/'), { content: 'hi' }],
      ['POST', at(id, 'attachments/'), form(await png())],
      ['DELETE', at(id, `attachments/${file.id}/`)],
      ['PATCH', at(id, `messages/${one.id}/`), { content: 'changed' }],
      ['DELETE', at(id, `messages/${two.id}/`)],
      ['POST', at(id, 'read/')],
      ['DELETE', at(await make(ann, [cleo], 'Short'))],
    ],
    unknown: at(id, 'nothing/'),
    wrongMethods: [['PUT', CONVERSATIONS], ['PUT', at(id)], ['GET', at(id, 'send_message/')], ['GET', at(id, 'read/')], ['DELETE', at(id, 'messages/')]],
  };
});

const shape = (members, more = {}) => ({
  id: is.id,
  name: 'First',
  is_group: true,
  participants: (seen) => JSON.stringify([...seen].sort((one, other) => one.id - other.id)) === JSON.stringify(members.map(participant)),
  last_message: null,
  unread_count: 0,
  created_at: is.time,
  updated_at: is.time,
  ...more,
});

check('a conversation is made, shown and listed, the latest first', async () => {
  const [ann, bob, cleo] = [await person({ name: 'Ann Poe', avatar: '/ann.jpg' }), await person({ name: 'Bob Roe' }), await person()];
  // They have been here, so that their names are known.
  for (const user of [bob, cleo]) await conversations(user);
  const made = await must(201, ann, 'POST', CONVERSATIONS, { name: 'First', participants: [bob.id, String(cleo.id)] });
  expect(made, shape([ann, bob, cleo]));
  expect(await seenBy(bob, made.id), shape([ann, bob, cleo], { id: made.id }));
  const second = await make(bob, [ann], 'Second');
  const ids = async (user) => expect(await conversations(user), is.list).map(({ id }) => id);
  expect(await ids(ann), [second, made.id]);
  await post(bob, made.id, 'news');
  expect(await ids(ann), [made.id, second], 'activity moves it up');
  const [first] = await conversations(ann);
  expect(first, shape([ann, bob, cleo], { last_message: has({ content: 'news' }), unread_count: 1 }));
});

check('two without a name have one direct conversation; with a name, or more, a new one each time', async () => {
  const [ann, bob, cleo] = [await person(), await person(), await person()];
  await conversations(bob);
  const direct = (user, participants) => call(user, 'POST', CONVERSATIONS, { participants });
  const first = await direct(ann, [bob.id]);
  expect([first.status, first.body], [201, shape([ann, bob], { name: is.any, is_group: false })]);
  for (const [user, ids] of [[ann, [bob.id]], [ann, [ann.id, bob.id]], [bob, [ann.id]], [bob, [String(ann.id), String(bob.id)]]]) {
    const again = await direct(user, ids);
    expect([again.status, again.body.id], [200, first.body.id], JSON.stringify(ids));
  }
  const named = { name: 'Named', participants: [bob.id] };
  const one = await must(201, ann, 'POST', CONVERSATIONS, named);
  const two = await must(201, ann, 'POST', CONVERSATIONS, named);
  const three = [await direct(ann, [bob.id, cleo.id]), await direct(ann, [bob.id, cleo.id])];
  expect(three.map(({ status, body }) => [status, body.is_group]), [[201, true], [201, true]]);
  expect(new Set([first.body.id, one.id, two.id, three[0].body.id, three[1].body.id]).size, 5);
  const others = await person();
  const race = await Promise.all([1, 2, 3, 4].map((n) => (n % 2 ? direct(ann, [others.id]) : direct(others, [ann.id]))));
  expect(new Set(race.map(({ body }) => body.id)).size, 1, 'at once');
  expect(race.map(({ status }) => status).sort(), [200, 200, 200, 201]);
});

check('a message is answered and told with the same id, to the sender too', async () => {
  const { ann, bob, id } = await group();
  const [one, device, two] = [await enter(id, ann), await enter(id, ann), await enter(id, bob)];
  const sent = expect(await post(ann, id, 'hi <b>'), message(id, ann, 'hi <b>'));
  const back = expect(await post(bob, id, 'hello'), message(id, bob, 'hello'));
  for (const socket of [one, device, two]) for (const each of [sent, back]) await socket.hears(event(each));
  expect(await list(bob, id), [sent, back]);
});

check('a message of one conversation stays there', async () => {
  const { ann, bob, id } = await group();
  const other = await make(ann, [bob], 'Other');
  const [one, two] = [await enter(id, bob), await enter(other, bob)];
  const there = await post(ann, other, 'there');
  await two.hears(event(there));
  const here = await post(ann, id, 'here');
  await one.hears(event(here));
});

check('a repeated POST with the same client_id makes no second message', async () => {
  const { ann, bob, id } = await group();
  const socket = await enter(id, bob);
  const body = { content: 'once', client_id: 'c-1' };
  const first = await must(201, ann, 'POST', at(id, 'send_message/'), body);
  expect(await must(200, ann, 'POST', at(id, 'send_message/'), body), first);
  await must([400, 409], ann, 'POST', at(id, 'send_message/'), { ...body, content: 'another' });
  const race = await Promise.all([1, 2, 3].map(() => call(ann, 'POST', at(id, 'send_message/'), { content: 'race', client_id: 'c-2' })));
  expect(race.map(({ status }) => status).sort(), [200, 200, 201]);
  expect(new Set(race.map(({ body }) => body.id)).size, 1);
  await must(201, bob, 'POST', at(id, 'send_message/'), body);
  for (const content of ['once', 'race', 'once']) expect((await socket.next(() => true, content)).message.content, content);
  expect(contents(await list(ann, id)), ['once', 'race', 'once']);
});

check('a message is given once and in one order, however many write', async () => {
  const { ann, bob, cleo, id } = await group();
  const sockets = [await enter(id, ann), await enter(id, bob), await enter(id, cleo)];
  const all = [];
  const posts = [];
  for (let n = 0; n < 10; n += 1) {
    for (const user of [ann, bob, cleo]) {
      all.push(`${user.id}/${n}`);
      posts.push(post(user, id, `${user.id}/${n}`));
    }
  }
  const ids = (await Promise.all(posts)).map((each) => each.id);
  await post(ann, id, 'end');
  const heard = [];
  for (const socket of sockets) {
    await socket.next((frame) => frame.message?.content === 'end', 'end');
    heard.push(socket.heard.map((frame) => frame.message).slice(0, -1));
  }
  sameOrder(heard.map((messages) => contents(messages)), all);
  sameOrder(heard.map((messages) => messages.map((each) => each.id)), ids);
  expect(await list(bob, id, '?limit=200'), [...heard[0], has({ content: 'end' })]);
});

check('only members come in: others are accepted, then closed with 4403', async () => {
  const { ann, bob, stranger, id } = await group();
  for (const path of [socketOf(id), `/ws/chat/${id}`, socketOf(NOTHING)]) await (await connect(path, stranger)).ends(4403);
  const [one, two] = [await enter(id, ann), await enter(id, bob)];
  const sent = await post(ann, id, 'hi');
  for (const socket of [one, two]) await socket.hears(event(sent));
  await native.dropMember(ann, id, bob);
  await two.ends(4403);
  await must([403, 404], bob, 'POST', at(id, 'send_message/'), { content: 'still here' });
  await must(204, ann, 'DELETE', at(id));
  await one.ends(4403);
  await (await enter(id, ann)).ends(4403);
  await must([403, 404], ann, 'GET', at(id));
});

check('owner and moderator change a conversation, the owner deletes it', async () => {
  const { ann, bob, cleo, stranger, id } = await group();
  const rename = (user, name) => call(user, 'PATCH', at(id), { name });
  expect((await rename(bob, 'Mine')).status, 403);
  ok([403, 404].includes((await rename(stranger, 'Mine')).status), 'a stranger renames');
  await native.setRole(ann, id, bob, 'moderator');
  const renamed = await rename(bob, 'Ours');
  expect([renamed.status, renamed.body.name], [200, 'Ours']);
  expect((await rename(ann, 'n'.repeat(255))).status, 200);
  for (const user of [bob, cleo]) expect((await call(user, 'DELETE', at(id))).status, 403);
  ok([403, 404].includes((await call(stranger, 'DELETE', at(id))).status), 'a stranger deletes');
  await must(204, ann, 'DELETE', at(id));
  expect((await conversations(ann)).filter((each) => each.id === id), []);
});

check('the sender changes a message; the sender, owner or moderator deletes it', async () => {
  const { ann, bob, cleo, id } = await group();
  const socket = await enter(id, bob);
  const one = await post(bob, id, 'one');
  const two = await post(bob, id, 'two');
  const three = await post(ann, id, 'three');
  const changed = await must(200, bob, 'PATCH', at(id, `messages/${one.id}/`), { content: 'changed' });
  expect(changed, { ...one, content: 'changed' });
  for (const user of [ann, cleo]) await must(403, user, 'PATCH', at(id, `messages/${one.id}/`), { content: 'not mine' });
  await must(403, cleo, 'DELETE', at(id, `messages/${one.id}/`));
  await must(403, bob, 'DELETE', at(id, `messages/${three.id}/`));
  await must(204, ann, 'DELETE', at(id, `messages/${two.id}/`));
  await native.setRole(ann, id, cleo, 'moderator');
  const four = await post(bob, id, 'four');
  await must(204, cleo, 'DELETE', at(id, `messages/${four.id}/`));
  expect(contents(await list(ann, id)), ['changed', 'three']);
  await must(204, bob, 'DELETE', at(id, `messages/${one.id}/`));
  const last = await post(ann, id, 'last');
  for (const each of [one, two, three, four, last]) await socket.hears(event(each));
  expect(socket.unread, [], 'no other frames');
});

check('messages are paged backwards, the newest last', async () => {
  const { ann, bob, id } = await group();
  const other = await make(ann, [bob], 'Other');
  const elsewhere = await post(ann, other, 'elsewhere');
  const ids = [];
  for (let n = 0; n < 55; n += 1) ids.push((await post(n % 2 ? ann : bob, id, `${n}`)).id);
  const numbers = async (more) => contents(await list(ann, id, more)).map(Number);
  const range = (from, to) => Array.from({ length: to - from }, (_, n) => from + n);
  expect(await numbers('?limit=200'), range(0, 55));
  expect(await numbers('?limit=3'), [52, 53, 54]);
  expect(await numbers(`?before=${ids[52]}&limit=2`), [50, 51]);
  expect(await numbers(`?before=${ids[0]}`), []);
  await refuses(ann, [
    ['an id of another room', 400, 'GET', at(id, `messages/?before=${elsewhere.id}`)],
    ['an id of nothing', [400, 404], 'GET', at(id, `messages/?before=${NOTHING}`)],
    ['an id that is none', 400, 'GET', at(id, 'messages/?before=x')],
    ['a limit that is none', 400, 'GET', at(id, 'messages/?limit=x')],
  ]);
});

check('what is unread is counted, and read up to a message or to the end', async () => {
  const { ann, bob, id } = await group();
  const unread = async (user) => [(await seenBy(user, id)).unread_count, (await conversations(user)).find((each) => each.id === id).unread_count];
  const sent = [];
  for (let n = 0; n < 4; n += 1) sent.push(await post(ann, id, `${n}`));
  expect([await unread(ann), await unread(bob)], [[0, 0], [4, 4]]);
  await must(204, bob, 'POST', at(id, 'read/'), { message_id: sent[1].id });
  expect(await unread(bob), [2, 2]);
  await must(204, bob, 'POST', at(id, 'read/'), { message_id: sent[0].id });
  expect(await unread(bob), [2, 2], 'never back');
  await must(204, bob, 'POST', at(id, 'read/'), {});
  expect(await unread(bob), [0, 0]);
  await post(ann, id, 'more');
  expect(await unread(bob), [1, 1]);
  await must(204, bob, 'POST', at(id, 'read'));
  expect(await unread(bob), [0, 0]);
});

check('news of closed conversations comes as notifications', async () => {
  const { ann, bob, stranger, id } = await group();
  const [socket, apart] = [await connect(NOTIFICATIONS, bob), await connect('/ws/notifications', stranger)];
  const sent = await post(ann, id, 'one');
  const notification = (unread_count, content) => ({ type: 'notification', conversation: id, unread_count, last_message: has({ content }) });
  const told = (content) => ({ type, last_message }) => type === 'notification' && last_message?.content === content;
  const { last_message } = await socket.hears(notification(1, 'one'), told('one'));
  expect(last_message.id, sent.id);
  await post(ann, id, 'two');
  await socket.hears(notification(2, 'two'), told('two'));
  await must(204, bob, 'POST', at(id, 'read/'));
  await post(ann, id, 'three');
  await socket.hears(notification(1, 'three'), told('three'));
  const fresh = await make(ann, [bob], 'Fresh');
  await post(ann, fresh, 'first of another');
  const other = await socket.next(told('first of another'), 'a conversation that was not there at connect');
  expect([other.conversation, other.unread_count], [fresh, 1]);
  await post(ann, await make(ann, [stranger], 'Theirs'), 'for them');
  await apart.next(told('for them'), 'their own');
  apart.heardNo('notification', ({ conversation }) => conversation === id);
});

check('notifications need a token', async () => {
  for (const path of [NOTIFICATIONS, '/ws/notifications']) await (await connect(path, null)).ends(4401);
  for (const [, token] of await badTokens()) await (await connect(NOTIFICATIONS, { token })).ends(4401);
});

check('a native client and this one meet', async () => {
  const { ann, bob, id } = await group();
  const [one, two] = [await enter(id, ann), await native.nativeClient(bob)];
  const posted = await post(ann, id, 'from conversation');
  expect((await native.nativeMessage(two, 'from conversation')).id, posted.id, 'one id');
  await one.hears(event(posted));
  two.say({ type: 'send', id: 1, room_id: id, content: 'from native' });
  await one.hears(event(message(id, bob, 'from native')));
  two.say({ type: 'typing', room_id: id, is_typing: true });
  const last = await post(ann, id, 'last');
  await one.hears(event(last));
  expect(one.unread, [], 'no other frames');
});

check('what is said on the socket is refused, and it stays open', async () => {
  const { ann, id } = await group();
  const socket = await enter(id, ann);
  for (const frame of ['hello', '', '[]', 'null', { type: 'fly' }, { content: 'bad' }, { type: 'chat_message', content: 'bad' }]) {
    socket.say(frame);
    await socket.next(({ type }) => type === 'error', `an error for ${JSON.stringify(frame)}`);
  }
  await alive(socket, socketOf(id), ann);
  await refusesOversized(socket, { type: 'chat_message', content: 'x'.repeat(70_000) });
  expect(contents(await list(ann, id)), ['are you there']);
});

check('bad calls are refused and do nothing', async () => {
  const { ann, bob, stranger, id } = await group();
  const others = await make(bob, [stranger], 'Others');
  const theirs = await post(bob, others, 'theirs');
  const send = at(id, 'send_message/');
  const missing = [403, 404];
  const before = (await conversations(ann)).length;
  const mine = await post(ann, id, 'mine');
  await refuses(ann, [
    ['no participants', 400, 'POST', CONVERSATIONS, { name: 'x' }],
    ['participants that are no list', 400, 'POST', CONVERSATIONS, { participants: bob.id }],
    ...[null, {}, [], true, 1.5, ''].map((who) => [`participant ${JSON.stringify(who)}`, 400, 'POST', CONVERSATIONS, { participants: [who] }]),
    ['a name that is no text', 400, 'POST', CONVERSATIONS, { name: 7, participants: [bob.id] }],
    ['a name that is too long', [400, 413], 'POST', CONVERSATIONS, { name: 'x'.repeat(256), participants: [bob.id] }],
    ['forged maker', [400, 403], 'POST', CONVERSATIONS, { name: 'x', participants: [bob.id], user_id: bob.id }],
    ['no name to change', 400, 'PATCH', at(id), {}],
    ['a name that is none', 400, 'PATCH', at(id), { name: 7 }],
    ['no such conversation', missing, 'GET', at(NOTHING)],
    ['a conversation that is no id', [400, 404], 'GET', at('x')],
    ["another's conversation", missing, 'GET', at(others)],
    ["another's messages", missing, 'GET', at(others, 'messages/')],
    ["into another's conversation", missing, 'POST', at(others, 'send_message/'), { content: 'bad' }],
    ["reads another's conversation", missing, 'POST', at(others, 'read/'), {}],
    ["another's message", missing, 'PATCH', at(others, `messages/${theirs.id}/`), { content: 'bad' }],
    ["another's message in one's own conversation", [400, 404], 'DELETE', at(id, `messages/${theirs.id}/`)],
    ['no such message', 404, 'PATCH', at(id, `messages/${NOTHING}/`), { content: 'bad' }],
    ['no content to change', 400, 'PATCH', at(id, `messages/${mine.id}/`), {}],
    ['reads up to what is elsewhere', [400, 404], 'POST', at(id, 'read/'), { message_id: theirs.id }],
    ['reads up to what is none', 400, 'POST', at(id, 'read/'), { message_id: 'x' }],
    ...[undefined, 7, null, {}, [], '', 'a\0b'].map((content) => [`content ${JSON.stringify(content)}`, 400, 'POST', send, { content }]),
    ['content that is too long', [400, 413], 'POST', send, { content: 'x'.repeat(16 * 1024 + 1) }],
    ['a body that is too large', [400, 413], 'POST', send, { content: 'x'.repeat(300_000) }],
    ['attachments that are no list', 400, 'POST', send, { content: 'bad', attachments: 'x' }],
    ['attachments that are none', [400, 404], 'POST', send, { content: 'bad', attachments: [NOTHING] }],
    ['a client_id that is no text', 400, 'POST', send, { content: 'bad', client_id: {} }],
    ['a client_id that is too long', [400, 413], 'POST', send, { content: 'bad', client_id: 'x'.repeat(65) }],
    ['forged', [400, 403], 'POST', send, { content: 'bad', user_id: bob.id }],
  ]);
  expect(contents(await list(ann, id)), ['mine'], 'nothing was stored');
  expect(contents(await list(bob, others)), ['theirs'], 'nothing was stored there');
  expect((await conversations(ann)).length, before, 'nothing was made');
});

check('lists show the latest edit and leave out what was deleted', async () => {
  const { ann, bob, id } = await group();
  const [one, two] = [await native.send(ann, id, 'one'), await native.send(ann, id, 'two')];
  await native.edit(ann, id, one.seq, 'changed');
  await native.react(bob, id, one.seq);
  await native.remove(ann, id, two.seq);
  expect(contents(await list(bob, id)), ['changed']);
  expect((await seenBy(bob, id)).last_message, either(null, has({ content: 'changed' })));
});

check('over the rate it is 429, and not stored', async () => {
  const { ann, id } = await group();
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => call(ann, 'POST', at(id, 'send_message/'), { content: `${n}` })));
  const refused = answers.filter(({ status }) => status === 429);
  ok(refused.length > 0, 'too many at once', answers.length);
  for (const { headers } of refused) ok(/^[1-9]\d*$/.test(headers.get('Retry-After')), 'Retry-After in seconds', headers.get('Retry-After'));
  expect((await list(ann, id, '?limit=200')).length, answers.filter(({ status }) => status === 201).length, 'stored');
});
