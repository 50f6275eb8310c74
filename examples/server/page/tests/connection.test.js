// The connection: hello, resume, holes, gaps, close codes, heartbeat.

import { connected, equal, message, ok, refusal, settle, test } from '/selftest/harness.js';

test('hello names the token; the first welcome gives the cursors', async () => {
  const chat = await connected().open();
  equal(chat.socket().said[0], { type: 'hello', subscribe: 'all', token: 'one' });
  equal(chat.socket().url, 'ws://chat.test/api/v1/ws');
  equal([chat.client.state, chat.client.user, chat.client.position()], ['ready', '1', { epoch: 'e1', rooms: { 7: 10 }, order: [7] }]);
});

test('events are told once each; a break resumes behind the last', async () => {
  const chat = await connected().open();
  for (const seq of [11, 12, 12, 11]) chat.socket().tell(message(seq));
  equal(chat.heard('event').map((event) => event.seq), [11, 12]);
  chat.socket().drop(1006);
  await chat.clock.advance(30_000);
  chat.socket().accept();
  equal(chat.socket().said[0], { type: 'hello', epoch: 'e1', rooms: { 7: 12 }, subscribe: 'all', token: 'one' });
  chat.socket().tell({ type: 'welcome', user: { id: '1' }, epoch: 'e1', heads: { 7: 14 }, gone: [] });
  for (const seq of [12, 13, 14]) chat.socket().tell(message(seq));
  equal(chat.heard('event').map((event) => event.seq), [11, 12, 13, 14]);
});

test('a hole is not swallowed: it comes back with its cursor', async () => {
  const chat = await connected().open();
  chat.socket().tell(message(11));
  chat.socket().tell(message(13));
  equal([chat.client.state, chat.heard('event').length], ['waiting', 1]);
  await chat.clock.advance(30_000);
  chat.socket().accept();
  equal(chat.socket().said[0].rooms, { 7: 11 });
});

test('a gap is told and gone over', async () => {
  const chat = await connected().open();
  chat.socket().tell({ type: 'gap', room_id: 7, from: 11, to: 1_500 });
  chat.socket().tell(message(1_501));
  equal([chat.heard('gap').length, chat.heard('event').length, chat.client.state], [1, 1, 'ready']);
});

test('an event of a type made later counts too', async () => {
  const chat = await connected().open();
  chat.socket().tell({ type: 'something_new', room_id: 7, seq: 11 });
  chat.socket().tell(message(12));
  equal([chat.heard('event').length, chat.client.state], [2, 'ready']);
});

test('a reset drops everything, once, and what is still under way with it', async () => {
  const chat = await connected().open();
  chat.socket().tell({ type: 'bye', reason: 'reset', reconnect_after_ms: 100 });
  chat.socket().tell(message(11));
  equal([chat.heard('reset').length, chat.heard('event').length], [1, 0]);
  chat.socket().drop(1012);
  await chat.clock.advance(100);
  chat.socket().accept();
  equal(chat.socket().said[0], { type: 'hello', subscribe: 'all', token: 'one' });
  chat.socket().tell({ type: 'welcome', user: { id: '1' }, epoch: 'e2', reset: true, heads: { 7: 3 }, gone: [] });
  equal([chat.heard('reset').length, chat.client.position()], [1, { epoch: 'e2', rooms: { 7: 3 }, order: [7] }]);
});

test('rooms that are gone are told as such', async () => {
  const chat = await connected().open({ heads: { 7: 10, 8: 5 } });
  chat.socket().drop(1006);
  await chat.again({ heads: { 7: 10 }, gone: [8] });
  equal(chat.heard('unsubscribed').map(({ room_id, reason }) => [room_id, reason]), [[8, 'gone']]);
  equal(chat.client.isSubscribed(8), false);
});

test('bye: comes back when asked to, not before', async () => {
  const chat = await connected().open();
  chat.socket().tell({ type: 'bye', reason: 'shutdown', reconnect_after_ms: 4_000 });
  chat.socket().drop(1012);
  chat.client.wake();
  await chat.clock.advance(3_999);
  equal(chat.sockets.length, 1);
  await chat.clock.advance(1);
  equal(chat.sockets.length, 2);
});

test('4401: once more with a fresh token, then no more', async () => {
  const chat = await connected({ refreshToken: async () => 'two' }).open();
  chat.socket().drop(4401);
  await settle();
  equal(chat.sockets.length, 2);
  chat.socket().accept();
  equal(chat.socket().said[0].token, 'two');
  chat.socket().drop(4401);
  await settle();
  equal([chat.sockets.length, chat.client.state], [2, 'closed']);
});

test('a token that could not be asked for is asked for again; one that is refused ends it', async () => {
  const answers = [() => { throw new Error('no network'); }, () => Promise.reject(new Error('no network')), () => 'two'];
  const chat = await connected({ refreshToken: () => answers.shift()() }).open();
  chat.socket().drop(4401);
  await settle();
  equal([chat.client.state, answers.length, chat.sockets.length], ['waiting', 2, 1]);
  chat.client.wake();
  await settle();
  equal([chat.client.state, answers.length], ['waiting', 1], 'hurried, and asked once more');
  await chat.clock.advance(60_000);
  equal(answers.length, 0);
  await chat.welcome();
  equal([chat.client.state, chat.socket().said[0].token], ['ready', 'two']);
  const other = await connected({ refreshToken: async () => null }).open();
  other.socket().drop(4401);
  await settle();
  equal(other.client.state, 'closed');
});

test('a token that is about to end is asked for until somebody answers', async () => {
  const answers = [() => { throw new Error('no network'); }, () => 'two'];
  const chat = await connected({ refreshToken: () => answers.shift()() }).open();
  chat.socket().tell({ type: 'token_expiring', in_ms: 60_000 });
  await settle();
  equal(chat.socket().last('auth'), undefined);
  await chat.clock.advance(10_000);
  equal([chat.socket().last('auth').token, chat.sockets.length], ['two', 1]);
});

test('the time of day may go back', () => {
  const { clock } = connected({ clock: undefined }).client;
  const { now } = Date;
  const before = clock.now();
  try {
    Date.now = () => now() - 3_600_000;
    ok(clock.now() >= before, 'the clock of waits does not');
  } finally {
    Date.now = now;
  }
});

test('the beat is the one that the server names', async () => {
  const chat = await connected().open({ heartbeat_ms: 10_000 });
  await chat.clock.advance(8_000);
  ok(chat.socket().last('ping'), 'pinged');
  await chat.clock.advance(6_000);
  equal(chat.client.state, 'waiting');
});

test('listed: rooms that do not fit into hello are subscribed after it, as far as there is place', async () => {
  const rooms = Object.fromEntries(Array.from({ length: 1_003 }, (_, index) => [index + 1, 50_000]));
  const order = Object.keys(rooms).map(Number).reverse();
  const chat = connected({ subscribe: 'listed', position: { epoch: 'e1', rooms, order } });
  chat.client.connect().catch(() => {});
  chat.socket().accept();
  const hello = chat.socket().said[0];
  const said = Object.keys(hello.rooms).map(Number);
  ok(said.length < 1_000 && said.includes(1) && !said.includes(1_003), 'the rooms that moved last');
  chat.socket().tell({ type: 'welcome', user: { id: '1' }, epoch: 'e1', limits: { rooms: 1_000 }, heads: hello.rooms, gone: [] });
  for (let turns = 0; turns < 2_000 && chat.client.cursors.live.size < 1_000; turns += 1) {
    const asked = chat.socket().said.filter((frame) => frame.type === 'subscribe' && !frame.done);
    ok(asked.length <= 8, 'a few at once');
    for (const frame of asked) {
      frame.done = true;
      equal(frame.since, 50_000);
      if (frame.room_id === 990) chat.socket().tell({ type: 'error', id: frame.id, code: 'not_found', message: 'no such room', retryable: false });
      else chat.socket().tell({ type: 'subscribed', id: frame.id, room_id: frame.room_id, from: 50_000, head: 50_000 });
    }
    await settle();
    if (asked.length === 0) break;
  }
  equal(chat.client.cursors.live.size, 999);
  const told = chat.heard('unsubscribed').map(({ room_id, reason }) => [room_id, reason]);
  equal(told, [[1_001, 'requested'], [1_002, 'requested'], [1_003, 'requested'], [990, 'gone']]);
  equal(chat.heard('room_reset'), []);
});

test('listed: a reset voids the positions and not the list', async () => {
  const chat = await connected({ subscribe: 'listed', position: { rooms: { 7: null, 8: null } } }).open({ heads: { 7: 10, 8: 4 } });
  chat.socket().tell({ type: 'bye', reason: 'reset', reconnect_after_ms: 100 });
  chat.socket().drop(1012);
  await chat.clock.advance(100);
  chat.socket().accept();
  equal(chat.socket().said[0].rooms, { 7: null, 8: null });
});

test('4401 without a fresh token ends it, and what waits for an answer', async () => {
  const chat = await connected().open();
  const asked = chat.client.history(7);
  chat.socket().drop(4401);
  equal((await refusal(asked)).code, 'unauthorized');
  equal(chat.client.state, 'closed');
});

test('hello is long where a cookie vouches for it, and shorter with a token', async () => {
  const rooms = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [index + 1, 1_000_000]));
  const chat = connected({ token: null, position: { epoch: 'e1', rooms }, refreshToken: async () => 'two' });
  chat.client.connect().catch(() => {});
  chat.socket().accept();
  equal(Object.keys(chat.socket().said[0].rooms).length, 900);
  // The cookie is none any more.
  chat.socket().drop(1009);
  await settle();
  chat.socket().accept();
  const hello = chat.socket().said[0];
  equal([chat.sockets.length, hello.token], [2, 'two']);
  ok(JSON.stringify(hello).length <= 8_192, 'short enough');
});

test('4403, 4409, 4400 and 1009 are final', async () => {
  for (const code of [4403, 4409, 4400, 1009]) {
    const chat = await connected().open();
    chat.socket().drop(code);
    await chat.clock.advance(600_000);
    equal([chat.client.state, chat.sockets.length], ['closed', 1], String(code));
  }
});

test('4429 waits, and nothing hurries it', async () => {
  const chat = await connected().open();
  chat.socket().drop(4429);
  chat.client.wake();
  await chat.clock.advance(4_999);
  equal(chat.sockets.length, 1);
  await chat.clock.advance(30_000);
  ok(chat.sockets.length > 1);
});

test('a token that ends is renewed in place', async () => {
  const chat = await connected({ refreshToken: async () => 'two' }).open();
  chat.socket().tell({ type: 'token_expiring', in_ms: 60_000 });
  await settle();
  equal(chat.socket().last('auth').token, 'two');
  equal(chat.sockets.length, 1);
});

test('silence: pings, then leaves a connection that is dead', async () => {
  const chat = await connected().open();
  await chat.clock.advance(20_000);
  ok(chat.socket().last('ping'), 'pinged');
  await chat.clock.advance(15_000);
  equal(chat.client.state, 'waiting');
});

test('a pong keeps it, unless what it told never comes', async () => {
  const chat = await connected().open();
  await chat.clock.advance(20_000);
  chat.socket().tell({ type: 'pong', id: chat.socket().last('ping').id, heads: { 7: 11 } });
  await chat.clock.advance(20_000);
  equal(chat.client.state, 'ready');
  chat.socket().tell({ type: 'pong', id: chat.socket().last('ping').id, heads: {} });
  equal(chat.client.state, 'waiting');
});

test('a sleep of an hour is not the death of the server', async () => {
  const chat = await connected().open();
  chat.clock.jump(3_600_000);
  await chat.clock.advance(10);
  equal(chat.client.state, 'ready');
  ok(chat.socket().last('ping'), 'but it is asked');
});

test('no welcome: given up and tried again', async () => {
  const chat = connected();
  chat.client.connect().catch(() => {});
  chat.socket().accept();
  await chat.clock.advance(60_000);
  ok(chat.sockets.length > 1);
});

test('a question without an answer is asked again after a break', async () => {
  const chat = await connected().open();
  const asked = chat.client.history(7, { limit: 5 });
  equal(chat.socket().last('history'), { type: 'history', room_id: 7, limit: 5, id: chat.socket().last('history').id });
  chat.socket().drop(1006);
  await chat.again();
  chat.socket().tell({ type: 'ok', id: chat.socket().last('history').id, messages: [], as_of: 10, more: false });
  equal((await asked).as_of, 10);
});

test('a question that may be repeated is, a few times', async () => {
  const chat = await connected().open();
  const asked = chat.client.edit(7, 11, 'new');
  for (let attempt = 0; attempt < 5; attempt += 1) {
    chat.socket().tell({ type: 'error', id: chat.socket().last('edit').id, code: 'unavailable', message: 'not now', retryable: true });
    await chat.clock.advance(15_000);
    if (chat.client.state !== 'ready') return ok(false, 'it stands');
    chat.socket().tell({ type: 'pong', heads: {} });
  }
  equal([(await refusal(asked)).code, chat.socket().all('edit').length], ['unavailable', 5]);
});

test('read pointers: one frame for many, and again after a break', async () => {
  const chat = await connected().open();
  for (const seq of [3, 4, 5]) chat.client.read(7, seq);
  equal(chat.socket().all('read').map((frame) => frame.seq), [3]);
  await chat.clock.advance(1_000);
  equal(chat.socket().all('read').map((frame) => frame.seq), [3, 5]);
  chat.socket().drop(1006);
  await chat.again();
  equal(chat.socket().last('read').seq, 5);
  chat.socket().tell({ type: 'ok', id: chat.socket().last('read').id, read: 5, unread: 2, mentions: 0 });
  equal(chat.heard('read'), [{ room_id: 7, read: 5, unread: 2, mentions: 0 }]);
});

test('signals are told as they are; typing while away is not kept', async () => {
  const chat = await connected().open();
  chat.socket().tell({ type: 'receipt', room_id: 7, user: '2', read: 9, delivered: 10 });
  chat.socket().tell({ type: 'presence', user: '2', status: 'away' });
  equal([chat.heard('receipt').length, chat.heard('presence')[0].status], [1, 'away']);
  chat.socket().drop(1006);
  chat.client.typing(7, true);
  await chat.again();
  equal(chat.socket().all('typing'), []);
});

test('a room that is added starts at its head', async () => {
  const chat = await connected().open();
  chat.socket().tell({ type: 'room_added', room: { id: 9, kind: 'group', head: 3 } });
  chat.socket().tell({ ...message(4), room_id: 9 });
  equal([chat.client.isSubscribed(9), chat.heard('event').length, chat.client.state], [true, 1, 'ready']);
});

test('close is for good', async () => {
  const chat = await connected().open();
  chat.client.close();
  await chat.clock.advance(600_000);
  equal([chat.client.state, chat.sockets.length], ['closed', 1]);
});
