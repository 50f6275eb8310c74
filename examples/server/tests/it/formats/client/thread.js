// A front end that speaks `thread`: one socket a thread, messages over REST, roles and reports.

import { check, either, expect, has, is, ok } from '/kit/check.js';
import { fileRules, picture, png } from '/kit/files.js';
import * as native from '/kit/native.js';
import { person } from '/kit/people.js';
import { call, contents, must } from '/kit/rest.js';
import { answersErrors, noFrames, NOTHING, refuses, refusesOversized, restRules, sameOrder, socketRules, strangeFrames } from '/kit/rules.js';
import { connect } from '/kit/socket.js';

const THREADS = '/api/chat/threads/';
const MESSAGES = '/api/chat/messages/';
const REPORTS = '/api/chat/reports/';
const ERROR = { type: 'error', payload: has({ code: is.text }) };

const socketOf = (thread) => `/ws/chat/${thread}/`;
const enter = (thread, user) => connect(socketOf(thread), user);
const make = async (owner, members = [], title = 'A thread') =>
  (await must(201, owner, 'POST', THREADS, { title, participants: members.map(({ id }) => id) })).id;
const post = (user, thread, content) => must(201, user, 'POST', MESSAGES, { thread, content });
const list = (user, thread, more = '') => must(200, user, 'GET', `${MESSAGES}?thread=${thread}${more}`);

const author = ({ id, username, email }) => ({ id, username, email });
const message = (thread, by, content) => ({ id: is.id, thread, author: author(by), content, created_at: is.time });
const event = (payload) => ({ type: 'chat_message', payload });
const membership = ({ id }, role) => ({ user: id, role });

async function settled(socket) {
  socket.say({ type: 'ping' });
  await socket.hears({ type: 'pong' });
}

async function group() {
  const ann = await person({ username: 'user1', email: 'user1@example.com' });
  const [bob, cleo, stranger] = [await person({ username: 'bob' }), await person(), await person()];
  return { ann, bob, cleo, stranger, thread: await make(ann, [bob, cleo]) };
}

socketRules(
  async (user) => socketOf(await make(user)),
  (socket) => settled(socket),
);

restRules(async () => {
  const { ann, bob, cleo, stranger, thread } = await group();
  const { id } = await post(cleo, thread, 'hi');
  const report = await must(201, bob, 'POST', REPORTS, { message: id, reason: 'rude' });
  return {
    user: ann,
    calls: [
      ['GET', THREADS],
      ['POST', THREADS, { title: 'Another', participants: [bob.id] }],
      ['GET', `${THREADS}${thread}/`],
      ['POST', `${THREADS}${thread}/members/`, { user: stranger.id, role: 'moderator' }],
      ['DELETE', `${THREADS}${thread}/members/${cleo.id}/`],
      ['GET', `${MESSAGES}?thread=${thread}`],
      ['POST', MESSAGES, { thread, content: 'hi' }],
      ['POST', REPORTS, { message: id, reason: 'rude' }],
      ['GET', `${REPORTS}?status=pending`],
      ['PATCH', `${REPORTS}${report.id}/`, { status: 'reviewed' }],
    ],
    unknown: '/api/chat/nothing/',
    wrongMethods: [['PUT', THREADS], ['DELETE', MESSAGES], ['PATCH', `${THREADS}${thread}/members/`], ['DELETE', REPORTS]],
  };
});

check('a thread is made, shown and listed, the latest first', async () => {
  const [ann, bob] = [await person(), await person()];
  const made = await must(201, ann, 'POST', THREADS, { title: 'First', participants: [bob.id] });
  const memberships = (seen) => {
    const byUser = [...seen].sort((one, other) => one.user - other.user);
    return JSON.stringify(byUser) === JSON.stringify([membership(ann, 'owner'), membership(bob, 'member')]);
  };
  const shape = { id: is.id, title: 'First', created_at: is.time, updated_at: is.time, memberships };
  expect(made, shape);
  expect(await must(200, bob, 'GET', `${THREADS}${made.id}/`), { ...shape, id: made.id });
  const second = await make(bob, [ann], 'Second');
  const ids = async (user) => expect(await must(200, user, 'GET', THREADS), is.list).map(({ id }) => id);
  expect(await ids(ann), [second, made.id]);
  await post(bob, made.id, 'news');
  expect(await ids(ann), [made.id, second], 'activity moves it up');
  expect((await must(200, ann, 'GET', THREADS))[0], { ...shape, id: made.id });
  const plain = await must(201, ann, 'POST', THREADS, { participants: [String(bob.id), ann.id] });
  expect(plain, { ...shape, title: either('', null) }, 'without a title, by a text, and the maker named');
});

check('a message is answered and told with the same id, to the sender too', async () => {
  const { ann, bob, thread } = await group();
  const [one, two] = [await enter(thread, ann), await enter(thread, bob)];
  const posted = expect(await post(ann, thread, 'My message'), message(thread, ann, 'My message'));
  await one.hears(event(posted));
  await two.hears(event(posted));
  const answer = expect(await post(bob, thread, 'Hi'), message(thread, bob, 'Hi'));
  await one.hears(event(answer));
  await two.hears(event(answer));
  expect(await list(ann, thread), [posted, answer]);
});

check('a message of one thread stays there', async () => {
  const { ann, bob, thread } = await group();
  const other = await make(ann, [bob]);
  const [one, two] = [await enter(thread, bob), await enter(other, bob)];
  await post(ann, other, 'there');
  await two.hears(event(message(other, ann, 'there')));
  await post(ann, thread, 'here');
  await one.hears(event(message(thread, ann, 'here')));
});

check('a message is given once and in one order, however many write', async () => {
  const { ann, bob, cleo, thread } = await group();
  const sockets = [await enter(thread, ann), await enter(thread, ann), await enter(thread, bob), await enter(thread, cleo)];
  const all = [];
  const posts = [];
  for (let n = 0; n < 10; n += 1) {
    for (const user of [ann, bob, cleo]) {
      all.push(`${user.id}/${n}`);
      posts.push(post(user, thread, `${user.id}/${n}`));
    }
  }
  const ids = (await Promise.all(posts)).map(({ id }) => id);
  await post(ann, thread, 'end');
  const heard = [];
  for (const socket of sockets) {
    await socket.next(({ payload }) => payload?.content === 'end', 'end');
    heard.push(socket.heard.filter(({ type }) => type === 'chat_message').map(({ payload }) => payload).slice(0, -1));
  }
  sameOrder(heard.map((payloads) => payloads.map(({ content }) => content)), all);
  sameOrder(heard.map((payloads) => payloads.map(({ id }) => id)), ids);
  expect(contents(await list(bob, thread, '&limit=200')), [...heard[0].map(({ content }) => content), 'end'], 'the list has the same order');
});

check('a reconnect gets what comes from then on', async () => {
  const { ann, bob, thread } = await group();
  await post(ann, thread, 'before');
  const socket = await enter(thread, bob);
  await settled(socket);
  const after = await post(ann, thread, 'after');
  await socket.hears(event(after));
});

check('typing is told to the others, never to the typist', async () => {
  const { ann, bob, thread } = await group();
  const [one, device, two] = [await enter(thread, ann), await enter(thread, ann), await enter(thread, bob)];
  for (const socket of [one, device, two]) await settled(socket);
  const typing = (is_typing) => ({ type: 'chat_typing', payload: { user_id: ann.id, is_typing } });
  one.say({ type: 'typing', is_typing: true });
  await two.hears(typing(true));
  one.say({ type: 'typing' });
  await two.hears(typing(false));
  const after = await post(bob, thread, 'after');
  for (const socket of [one, device]) {
    await socket.hears(event(after));
    socket.heardNo('chat_typing');
  }
});

check('only members come in: others are accepted, then closed with 4403', async () => {
  const { ann, stranger, thread } = await group();
  for (const id of [thread, NOTHING]) await (await enter(id, stranger)).ends(4403);
  await (await connect(`/ws/chat/${thread}`, stranger)).ends(4403);
  const socket = await enter(thread, ann);
  await settled(socket);
  await native.deleteRoom(ann, thread);
  await socket.ends(4403);
  await (await enter(thread, ann)).ends(4403);
  await must([403, 404], ann, 'GET', `${THREADS}${thread}/`);
});

check('members come and go', async () => {
  const { ann, bob, cleo, stranger, thread } = await group();
  const [one, two] = [await enter(thread, bob), await enter(thread, bob)];
  await must([200, 201], ann, 'POST', `${THREADS}${thread}/members/`, { user: stranger.id });
  const fresh = await enter(thread, stranger);
  await settled(fresh);
  const hello = await post(stranger, thread, 'hello');
  await fresh.hears(event(hello));
  await must(403, bob, 'DELETE', `${THREADS}${thread}/members/${cleo.id}/`);
  await must([200, 204], ann, 'DELETE', `${THREADS}${thread}/members/${bob.id}/`);
  for (const socket of [one, two]) await socket.ends(4403);
  await (await enter(thread, bob)).ends(4403);
  await must(403, bob, 'POST', MESSAGES, { thread, content: 'still here' });
  await must([200, 204], stranger, 'DELETE', `${THREADS}${thread}/members/${stranger.id}/`);
  await fresh.ends(4403);
  await must([200, 201], ann, 'POST', `${THREADS}${thread}/members/`, { user: String(bob.id), role: 'moderator' });
  await settled(await enter(thread, bob));
  const { memberships } = await must(200, cleo, 'GET', `${THREADS}${thread}/`);
  expect(memberships.find(({ user }) => user === bob.id), membership(bob, 'moderator'));
  await must([200, 201], bob, 'POST', `${THREADS}${thread}/members/`, { user: stranger.id });
  await must([200, 204], bob, 'DELETE', `${THREADS}${thread}/members/${cleo.id}/`);
  await must(403, bob, 'DELETE', `${THREADS}${thread}/members/${ann.id}/`);
});

check('messages are paged backwards, the newest last', async () => {
  const { ann, bob, thread } = await group();
  const other = await make(ann, [bob]);
  const elsewhere = await post(ann, other, 'elsewhere');
  const ids = [];
  for (let n = 0; n < 55; n += 1) ids.push((await post(n % 2 ? ann : bob, thread, `${n}`)).id);
  const numbers = async (more) => contents(await list(ann, thread, more)).map(Number);
  const range = (from, to) => Array.from({ length: to - from }, (_, n) => from + n);
  expect(await numbers(''), range(5, 55), '50 by default');
  expect(await numbers('&limit=200'), range(0, 55));
  expect(await numbers('&limit=3'), [52, 53, 54]);
  expect(await numbers(`&before=${ids[52]}&limit=2`), [50, 51]);
  expect(await numbers(`&before=${ids[1]}`), [0]);
  expect(await numbers(`&before=${ids[0]}`), []);
  await refuses(ann, [
    ['an id of another room', 400, 'GET', `${MESSAGES}?thread=${thread}&before=${elsewhere.id}`],
    ['an id of nothing', [400, 404], 'GET', `${MESSAGES}?thread=${thread}&before=${NOTHING}`],
    ['an id that is none', 400, 'GET', `${MESSAGES}?thread=${thread}&before=x`],
    ['a limit that is none', 400, 'GET', `${MESSAGES}?thread=${thread}&limit=x`],
  ]);
  const many = await call(ann, 'GET', `${MESSAGES}?thread=${thread}&limit=100000`);
  ok(many.status === 400 || many.body.length === 55, 'a limit above the bound', many.status);
});

check('lists show the latest edit and leave out what was deleted; no frame tells it', async () => {
  const { ann, bob, thread } = await group();
  const socket = await enter(thread, bob);
  const [one, two] = [await native.send(ann, thread, 'one'), await native.send(ann, thread, 'two')];
  await native.edit(ann, thread, one.seq, 'changed');
  await native.react(bob, thread, one.seq);
  await native.remove(ann, thread, two.seq);
  await post(ann, thread, 'last');
  await socket.next(({ payload }) => payload?.content === 'last', 'last');
  expect(socket.heard.map(({ type, payload }) => [type, payload.content]), ['one', 'two', 'last'].map((content) => ['chat_message', content]));
  expect(contents(await list(bob, thread)), ['changed', 'last']);
});

check('reports are made once and seen by those who may', async () => {
  const { ann, bob, cleo, stranger, thread } = await group();
  const admin = await person({ role: 'admin' });
  const bad = await native.send(cleo, thread, 'something rude');
  const report = (reporter, status = 'pending') =>
    has({ id: is.id, message: bad.id, reason: 'rude', status, reporter: reporter.id, created_at: is.time, content: 'something rude' });
  const made = await must(201, bob, 'POST', REPORTS, { message: bad.id, reason: 'rude' });
  expect(made, { id: is.id, message: bad.id, reason: 'rude', status: 'pending', reporter: bob.id, created_at: is.time, content: 'something rude' });
  await must(409, bob, 'POST', REPORTS, { message: bad.id, reason: 'again' });
  const both = await Promise.all([1, 2].map(() => call(ann, 'POST', REPORTS, { message: bad.id, reason: 'rude' })));
  expect(both.map(({ status }) => status).sort(), [201, 409], 'two at once');
  const second = both.find(({ status }) => status === 201).body;
  await native.remove(cleo, thread, bad.seq);
  const list = async (user, query = '') => {
    const reports = expect(await must(200, user, 'GET', `${REPORTS}${query}`), is.list);
    return reports.filter(({ message }) => message === bad.id).sort((one, other) => one.id - other.id);
  };
  for (const user of [ann, admin]) expect(await list(user), [report(bob), report(ann)], 'with the content as it was');
  const none = await call(bob, 'GET', REPORTS);
  ok(none.status === 403 || (none.status === 200 && none.body.length === 0), 'a member sees reports', none);
  await must([403, 404], bob, 'PATCH', `${REPORTS}${made.id}/`, { status: 'dismissed' });
  expect(await must(200, ann, 'PATCH', `${REPORTS}${made.id}/`, { status: 'reviewed' }), report(bob, 'reviewed'));
  expect(await must(200, admin, 'PATCH', `${REPORTS}${second.id}/`, { status: 'dismissed' }), report(ann, 'dismissed'));
  expect(await list(ann, '?status=reviewed'), [report(bob, 'reviewed')]);
  expect(await list(ann, '?status=dismissed'), [report(ann, 'dismissed')]);
  expect(await list(ann, '?status=pending'), []);
  await native.setRole(ann, thread, cleo, 'moderator');
  expect((await list(cleo)).length, 2, 'a moderator sees them');
  await refuses(ann, [
    ['no such status', 400, 'PATCH', `${REPORTS}${made.id}/`, { status: 'done' }],
    ['a status that is no text', 400, 'PATCH', `${REPORTS}${made.id}/`, { status: 7 }],
    ['no status', 400, 'PATCH', `${REPORTS}${made.id}/`, {}],
    ['back to pending', [400, 409], 'PATCH', `${REPORTS}${made.id}/`, { status: 'pending' }],
    ['no such report', 404, 'PATCH', `${REPORTS}${NOTHING}/`, { status: 'reviewed' }],
    ['no such status to list', 400, 'GET', `${REPORTS}?status=done`],
    ['no message', 400, 'POST', REPORTS, { reason: 'rude' }],
    ['no reason', 400, 'POST', REPORTS, { message: bad.id }],
    ['a reason that is no text', 400, 'POST', REPORTS, { message: bad.id, reason: {} }],
    ['a message that is no id', 400, 'POST', REPORTS, { message: 'x', reason: 'rude' }],
    ['a message that is none', [403, 404], 'POST', REPORTS, { message: NOTHING, reason: 'rude' }],
  ]);
  const other = await post(ann, thread, 'fine');
  await must([403, 404], stranger, 'POST', REPORTS, { message: other.id, reason: 'not mine to see' });
});

check('bad calls are refused and do nothing', async () => {
  const { ann, bob, stranger, thread } = await group();
  const before = (await must(200, ann, 'GET', THREADS)).length;
  const missing = [403, 404];
  await refuses(ann, [
    ['no participants', 400, 'POST', THREADS, { title: 'x' }],
    ['participants that are no list', 400, 'POST', THREADS, { title: 'x', participants: bob.id }],
    ['a participant that is no id', 400, 'POST', THREADS, { title: 'x', participants: [{}] }],
    ['a title that is no text', 400, 'POST', THREADS, { title: 7, participants: [bob.id] }],
    ['a title that is too long', [400, 413], 'POST', THREADS, { title: 'x'.repeat(256), participants: [bob.id] }],
    ['forged maker', [400, 403], 'POST', THREADS, { title: 'x', participants: [bob.id], user_id: bob.id }],
    ['no such thread', missing, 'GET', `${THREADS}${NOTHING}/`],
    ['a thread that is no id', [400, 404], 'GET', `${THREADS}x/`],
    ['messages of no thread', 400, 'GET', MESSAGES],
    ['messages of what is no id', 400, 'GET', `${MESSAGES}?thread=x`],
    ['messages of what is none', missing, 'GET', `${MESSAGES}?thread=${NOTHING}`],
    ['no thread', 400, 'POST', MESSAGES, { content: 'bad' }],
    ['a thread that is no number', 400, 'POST', MESSAGES, { thread: 'x', content: 'bad' }],
    ['a thread that is none', missing, 'POST', MESSAGES, { thread: NOTHING, content: 'bad' }],
    ...[undefined, 7, null, {}, [], '', ' \n\t ', 'a\0b'].map((content) => [`content ${JSON.stringify(content)}`, 400, 'POST', MESSAGES, { thread, content }]),
    ['content that is too long', [400, 413], 'POST', MESSAGES, { thread, content: 'x'.repeat(16 * 1024 + 1) }],
    ['a body that is too large', [400, 413], 'POST', MESSAGES, { thread, content: 'x'.repeat(300_000) }],
    ['forged', [400, 403], 'POST', MESSAGES, { thread, content: 'bad', user_id: bob.id }],
    ['no member', 400, 'POST', `${THREADS}${thread}/members/`, {}],
    ['a member that is no id', 400, 'POST', `${THREADS}${thread}/members/`, { user: {} }],
    ['a role that is none', 400, 'POST', `${THREADS}${thread}/members/`, { user: stranger.id, role: 'king' }],
    ['a role above', [400, 403], 'POST', `${THREADS}${thread}/members/`, { user: stranger.id, role: 'owner' }],
    ['to what is no thread', missing, 'POST', `${THREADS}${NOTHING}/members/`, { user: stranger.id }],
    ['a member who is none', [204, 400, 404], 'DELETE', `${THREADS}${thread}/members/${stranger.id}/`],
  ]);
  await refuses(stranger, [
    ["another's thread", 403, 'GET', `${THREADS}${thread}/`],
    ["another's messages", 403, 'GET', `${MESSAGES}?thread=${thread}`],
    ["into another's thread", 403, 'POST', MESSAGES, { thread, content: 'bad' }],
    ["a member of another's thread", 403, 'POST', `${THREADS}${thread}/members/`, { user: stranger.id }],
    ["out of another's thread", 403, 'DELETE', `${THREADS}${thread}/members/${bob.id}/`],
  ]);
  await refuses(bob, [['a member adds', 403, 'POST', `${THREADS}${thread}/members/`, { user: stranger.id }]]);
  expect(await list(ann, thread), [], 'nothing was stored');
  expect((await must(200, ann, 'GET', THREADS)).length, before, 'nothing was made');
  expect((await must(200, ann, 'GET', `${THREADS}${thread}/`)).memberships.length, 3, 'nobody came or went');
});

check('bad frames are answered, do nothing, and leave the socket open', async () => {
  const { ann, bob, thread } = await group();
  const [socket, witness] = [await enter(thread, ann), await enter(thread, bob)];
  await answersErrors(socket, noFrames(ERROR), ERROR);
  await answersErrors(socket, strangeFrames, ERROR);
  await answersErrors(
    socket,
    [
      ['types what is no truth', { type: 'typing', is_typing: 'yes' }],
      ['forged', { type: 'typing', is_typing: true, user_id: bob.id }],
      ['a message, which goes over REST', { type: 'chat_message', content: 'bad' }],
    ],
    ERROR,
  );
  await settled(socket);
  const good = await post(ann, thread, 'good');
  await witness.hears(event(good));
  witness.heardNo('chat_typing');
});

check('an oversized frame is refused', async () => {
  const { ann, thread } = await group();
  await refusesOversized(await enter(thread, ann), { type: 'typing', is_typing: true, padding: 'x'.repeat(70_000) });
});

check('over the rate it is said, and not stored', async () => {
  const { ann, thread } = await group();
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => call(ann, 'POST', MESSAGES, { thread, content: `${n}` })));
  const refused = answers.filter(({ status }) => status === 429);
  ok(refused.length > 0, 'too many at once', answers.length);
  for (const { headers } of refused) ok(/^[1-9]\d*$/.test(headers.get('Retry-After')), 'Retry-After in seconds', headers.get('Retry-After'));
  const stored = await native.history(ann, thread);
  expect(stored.length, answers.filter(({ status }) => status === 201).length, 'stored');
  const socket = await enter(thread, ann);
  for (let n = 0; n < 12; n += 1) socket.say({ type: 'typing', is_typing: n % 2 === 0 });
  await socket.hears({ type: 'error', payload: { code: 'rate_limited', retry_after_ms: is.id } });
});

check('a native client and this one meet in a thread', async () => {
  const { ann, bob, thread } = await group();
  const [one, two] = [await enter(thread, ann), await native.nativeClient(bob)];
  const posted = await post(ann, thread, 'from thread');
  expect((await native.nativeMessage(two, 'from thread')).id, posted.id, 'one id');
  await one.hears(event(posted));
  two.say({ type: 'send', id: 1, room_id: thread, content: 'from native' });
  await one.hears(event(message(thread, bob, 'from native')));
  two.say({ type: 'typing', room_id: thread, is_typing: true });
  await one.hears({ type: 'chat_typing', payload: { user_id: bob.id, is_typing: true } });
});

check('a file has its URL as content', async () => {
  const { ann, bob, thread } = await group();
  const socket = await enter(thread, ann);
  const file = await native.upload(bob, thread, await png());
  await native.send(bob, thread, { content: '', attachments: [file.id] });
  const { payload } = await socket.hears(event(message(thread, bob, is.text)));
  const [listed] = await list(ann, thread);
  expect(listed, payload);
  expect(await picture(payload.content), { width: 40, height: 30 });
});

fileRules(async () => {
  const { ann, bob, stranger, thread } = await group();
  const file = await native.upload(bob, thread, await png());
  await native.send(bob, thread, { content: '', attachments: [file.id] });
  // As this format names it: the native protocol has a path of its own, and a cookie for that.
  const [{ content: url }] = await list(bob, thread);
  return { member: ann, stranger, url, read: `${MESSAGES}?thread=${thread}` };
});
