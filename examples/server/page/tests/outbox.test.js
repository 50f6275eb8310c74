// What becomes of a message until it has an answer.

import { ChatError } from '/chat-error.js';
import { Outbox } from '/chat-outbox.js';
import { connected, equal, message, ok, refusal, settle, test } from '/selftest/harness.js';

const draft = (client_id, room_id = 7) => ({ client_id, room_id, content: client_id });

test('outbox: one at a time in a room, rooms side by side', () => {
  const box = new Outbox();
  for (const [id, room] of [['a', 7], ['b', 7], ['c', 8]]) box.add(draft(id, room), 0);
  equal(box.take(0).map((item) => item.client_id), ['a', 'c']);
  equal(box.take(0), []);
  box.remove('a');
  equal(box.take(0).map((item) => item.client_id), ['b']);
});

test('outbox: what may be repeated waits, the rest fails', () => {
  const box = new Outbox({ random: () => 0.5 });
  box.add(draft('a'), 0);
  box.take(0);
  equal(box.refused('a', new ChatError({ code: 'rate_limited', retry_after_ms: 300 }), 1_000), 'retry');
  equal([box.take(1_299), box.nextAt(), box.take(1_300).length], [[], 1_300, 1]);
  equal(box.refused('a', new ChatError({ code: 'forbidden' }), 2_000), 'failed');
  equal([box.items.length, box.refused('a', new ChatError({}), 0)], [0, 'unknown']);
});

test('outbox: outlives the page, in order', () => {
  const storage = sessionStorage;
  const key = 'selftest.outbox';
  const first = new Outbox({ storage, key });
  first.add(draft('x'), 5);
  first.add(draft('y'), 5);
  const second = new Outbox({ storage, key });
  equal(second.items.map((item) => item.client_id), ['x', 'y']);
  for (const id of ['x', 'y']) second.remove(id);
  equal(new Outbox({ storage, key }).items, []);
});

test('outbox: has a bound', () => {
  const box = new Outbox({ limit: 1 });
  box.add(draft('a'), 0);
  let code;
  try {
    box.add(draft('b'), 0);
  } catch (error) {
    code = error.code;
  }
  equal(code, 'outbox_full');
});

test('a send is answered once, whether answer or event comes first', async () => {
  for (const eventFirst of [true, false]) {
    const chat = await connected().open();
    const sent = chat.client.send({ room_id: 7, content: 'hi' });
    const frame = chat.socket().last('send');
    const event = message(11, { actor: '1', client_id: frame.client_id });
    const answer = { type: 'ok', id: frame.id, room_id: 7, seq: 11, message: event.message, repeat: false };
    for (const told of eventFirst ? [event, answer] : [answer, event]) chat.socket().tell(told);
    equal((await sent).seq, 11);
    equal(chat.heard('outbox').map((change) => change.state), ['queued', 'sending', 'sent']);
    equal(chat.heard('event').length, 1);
  }
});

test('a send without an answer goes out again under the same client_id', async () => {
  const chat = await connected().open();
  const sent = chat.client.send({ room_id: 7, content: 'hi' });
  const first = chat.socket().last('send');
  chat.socket().drop(1006);
  await chat.again();
  const second = chat.socket().last('send');
  equal([second.client_id, second.content], [first.client_id, 'hi']);
  chat.socket().tell({ type: 'ok', id: second.id, room_id: 7, seq: 11, message: message(11).message, repeat: true });
  equal((await sent).repeat, true);
});

test('an own message seen on resume is not sent again', async () => {
  const chat = await connected().open();
  const sent = chat.client.send({ room_id: 7, content: 'hi' });
  const { client_id } = chat.socket().last('send');
  chat.socket().drop(1006);
  await chat.clock.advance(60_000);
  chat.socket().accept();
  chat.socket().tell({ type: 'welcome', user: { id: '1' }, epoch: 'e1', heads: { 7: 11 }, gone: [] });
  chat.socket().tell(message(11, { actor: '1', client_id }));
  equal((await sent).seq, 11);
  const answered = chat.socket().last('send');
  if (answered) chat.socket().tell({ type: 'ok', id: answered.id, room_id: 7, seq: 11, message: message(11).message, repeat: true });
  await chat.clock.advance(5_000);
  equal(chat.client.outbox.items, []);
});

test('messages of a room wait for each other, also over a refusal that passes', async () => {
  const chat = await connected().open();
  chat.client.send({ room_id: 7, content: 'one' });
  chat.client.send({ room_id: 7, content: 'two' }).catch(() => {});
  equal(chat.socket().all('send').map((frame) => frame.content), ['one']);
  chat.socket().tell({ type: 'error', id: chat.socket().last('send').id, code: 'rate_limited', message: 'slow down', retryable: true, retry_after_ms: 700 });
  await chat.clock.advance(699);
  equal(chat.socket().all('send').length, 1);
  await chat.clock.advance(1);
  equal(chat.socket().all('send').map((frame) => frame.content), ['one', 'one']);
  chat.socket().tell({ type: 'ok', id: chat.socket().last('send').id, room_id: 7, seq: 11, message: message(11).message, repeat: false });
  await settle();
  equal(chat.socket().last('send').content, 'two');
});

test('a refusal is told and the next message goes out', async () => {
  const chat = await connected().open();
  const sent = chat.client.send({ room_id: 7, content: 'bad' });
  chat.client.send({ room_id: 7, content: 'good' }).catch(() => {});
  chat.socket().tell({ type: 'error', id: chat.socket().last('send').id, code: 'muted', message: 'you are muted', retryable: false });
  equal((await refusal(sent)).code, 'muted');
  equal(chat.heard('outbox').filter((change) => change.state === 'failed').map((change) => change.error.code), ['muted']);
  equal(chat.socket().last('send').content, 'good');
});

test('what is written while away goes out on return', async () => {
  const chat = await connected().open();
  chat.socket().drop(1012);
  chat.client.send({ room_id: 7, content: 'later' }).catch(() => {});
  await chat.again();
  equal(chat.socket().last('send').content, 'later');
  ok(chat.sockets.length >= 2);
});

const controls = (count) => '\u0001'.repeat(count);

test('a message that no frame can hold fails by itself, and is kept nowhere', async () => {
  const storage = sessionStorage;
  const key = 'selftest.large';
  const chat = connected({ outbox: { storage, key } });
  const early = chat.client.send({ room_id: 7, content: controls(12_000) });
  equal(new Outbox({ storage, key }).items.length, 1);
  await chat.open({ limits: { frame_bytes: 65_536 } });
  equal((await refusal(early)).code, 'too_large');
  equal((await refusal(chat.client.send({ room_id: 7, content: controls(12_000) }))).code, 'too_large');
  equal((await refusal(chat.client.edit(7, 10, controls(12_000)))).code, 'too_large');
  equal([new Outbox({ storage, key }).items, chat.socket().all('send'), chat.socket().all('edit')], [[], [], []]);
  equal(chat.heard('outbox').map((change) => change.state), ['queued', 'failed', 'queued', 'failed']);
  chat.client.send({ room_id: 7, content: controls(10_000) }).catch(() => {});
  equal([chat.socket().all('send').length, chat.client.state], [1, 'ready'], 'what fits goes out');
  for (const { client_id } of chat.client.outbox.items) chat.client.outbox.remove(client_id);
});

test('1009: the largest of what is out fails, the rest comes back', async () => {
  const chat = await connected().open();
  const small = chat.client.send({ room_id: 8, content: 'small' });
  const large = chat.client.send({ room_id: 7, content: controls(12_000) });
  chat.client.send({ room_id: 7, content: 'next' }).catch(() => {});
  chat.socket().drop(1009);
  equal([(await refusal(large)).code, chat.client.state], ['too_large', 'waiting']);
  await chat.again();
  equal(chat.socket().all('send').map((frame) => frame.content), ['small', 'next']);
  chat.socket().tell({ type: 'ok', id: chat.socket().all('send')[0].id, room_id: 8, seq: 3, message: {}, repeat: false });
  equal((await small).seq, 3);
});

test('two sends under one client_id end alike; another message under it is refused', async () => {
  for (const refused of [false, true]) {
    const chat = await connected().open();
    const sent = [
      chat.client.send({ client_id: 'a', room_id: 7, content: 'hi' }),
      chat.client.send({ room_id: 7, content: 'hi', client_id: 'a' }),
    ];
    equal((await refusal(chat.client.send({ client_id: 'a', room_id: 7, content: 'other' }))).code, 'body_mismatch');
    const { id } = chat.socket().last('send');
    if (refused) chat.socket().tell({ type: 'error', id, code: 'muted', message: 'you are muted', retryable: false });
    else chat.socket().tell({ type: 'ok', id, room_id: 7, seq: 11, message: message(11).message, repeat: false });
    const ends = await Promise.all(sent.map((each) => each.then((result) => result.seq, (error) => error.code)));
    equal([ends, chat.socket().all('send').length], [refused ? ['muted', 'muted'] : [11, 11], 1]);
  }
});
