// The pure pieces: cursors, waits, the heartbeat.

import { Cursors, DeafnessCheck, RoomCursor } from '/chat-cursors.js';
import { closeAction } from '/chat-error.js';
import { newClientId, ReadPointers } from '/chat-outbox.js';
import { Backoff, Heartbeat } from '/chat-timing.js';
import { equal, ok, test } from '/selftest/harness.js';

test('close codes: who comes back and who does not', () => {
  const said = Object.fromEntries([1001, 1006, 1011, 1012, 4408, 4429, 4401, 4400, 4403, 4409, 1009].map((code) => [code, closeAction(code)]));
  equal(said, { 1001: 'resume', 1006: 'resume', 1009: 'stop', 1011: 'resume', 1012: 'resume', 4400: 'stop', 4401: 'refresh', 4403: 'stop', 4408: 'resume', 4409: 'stop', 4429: 'wait' });
});

test('backoff doubles up to its bound, with chance, and starts over', () => {
  const backoff = new Backoff({ base: 100, cap: 500, random: () => 0.999 });
  equal([backoff.next(), backoff.next(), backoff.next(), backoff.next()], [99, 199, 399, 499]);
  backoff.reset();
  equal(backoff.next(), 99);
  for (let i = 0; i < 2_000; i += 1) ok(backoff.next() < 500);
});

test('a room cursor applies each event once and sees holes', () => {
  const cursor = new RoomCursor(10);
  equal([cursor.offer(10), cursor.offer(11), cursor.offer(11), cursor.offer(13), cursor.offer(12)], ['repeat', 'apply', 'repeat', 'hole', 'apply']);
  equal([cursor.skip(5, 9), cursor.skip(20, 30), cursor.skip(13, 30), cursor.offer(31)], ['repeat', 'hole', 'apply', 'apply']);
});

test('cursors without an epoch say nothing about positions', () => {
  const cursors = new Cursors({ rooms: { 7: 10 } });
  equal(cursors.position(), { rooms: { 7: null } });
});

test('a welcome of another epoch voids every cursor', () => {
  const cursors = new Cursors({ epoch: 'e1', rooms: { 7: 10, 8: 20 } });
  equal(cursors.welcome({ epoch: 'e2', heads: { 7: 3 }, gone: [] }), { reset: true, gone: [], restarted: [] });
  equal(cursors.position(), { epoch: 'e2', rooms: { 7: 3 } });
});

test('a cursor above the head starts that room over', () => {
  const cursors = new Cursors({ epoch: 'e1', rooms: { 7: 10, 8: 20 } });
  equal(cursors.welcome({ epoch: 'e1', heads: { 7: 3, 8: 25 }, gone: [9] }), { reset: false, gone: [9], restarted: [7] });
  equal([cursors.at(7), cursors.at(8)], [3, 20]);
});

test('a hello that would be too long leaves out the rooms that were quiet longest', () => {
  const cursors = new Cursors({ epoch: 'e1', rooms: Object.fromEntries(Array.from({ length: 900 }, (_, index) => [index + 1, 1_000_000])) });
  cursors.offer(1, 1_000_001);
  const { said, left } = cursors.hello(4_000);
  ok(JSON.stringify(said).length <= 4_000 && JSON.stringify(said).length > 3_900, 'short enough, and not shorter');
  ok(left.length > 0 && !left.includes(1) && said.rooms[1] === 1_000_001, 'the busy room stays');
  equal(Object.keys(said.rooms).length + left.length, 900);
  equal(cursors.hello(40_000, 2).said.rooms, { 1: 1_000_001, 900: 1_000_000 });
});

test('which room moved last outlives the page, whatever its id', () => {
  const cursors = new Cursors();
  cursors.welcome({ epoch: 'e1', heads: { 1: 5, 2: 5, 3: 5 }, gone: [], rooms: [{ id: 2 }, { id: 3 }] });
  equal(cursors.kept().order, [1, 3, 2], 'a welcome names the latest first');
  cursors.skip(1, 6, 9);
  const later = new Cursors(JSON.parse(JSON.stringify(cursors.kept())));
  equal([later.kept().order, later.hello(1_000, 1).said.rooms], [[3, 2, 1], { 1: 9 }]);
});

test('deaf: what a pong told must have come by the next one', () => {
  const check = new DeafnessCheck();
  const cursors = new Cursors({ epoch: 'e1', rooms: { 7: 10 } });
  cursors.live.add(7);
  equal(check.pong({ 7: 11 }, cursors), []);
  equal(check.pong({}, cursors), [7]);
  check.reset();
  equal(check.pong({ 7: 11 }, cursors), []);
  cursors.offer(7, 11);
  equal(check.pong({}, cursors), []);
});

test('heartbeat: pings, and calls dead what does not answer', () => {
  const beat = new Heartbeat();
  beat.start(0);
  equal([beat.nextAt(), beat.tick(19_999), beat.tick(20_000)], [20_000, null, 'ping']);
  beat.pinged(20_000);
  equal(beat.tick(35_000), 'dead');
  beat.inbound(30_000);
  equal([beat.tick(35_000), beat.tick(45_000)], [null, 'ping'], 'anything inbound is life');
});

test('heartbeat: a clock that jumped accuses nobody', () => {
  const beat = new Heartbeat();
  beat.start(0);
  beat.pinged(20_000);
  equal(beat.tick(3_600_000), 'ping');
  beat.pinged(3_600_000);
  equal(beat.tick(3_600_000 + 15_000), 'dead', 'but then it has to answer');
});

test('heartbeat: in the proportions of the server, within bounds', () => {
  const beats = [25_000, undefined, 10_000, 1, 1e9].map((every) => Heartbeat.of(every));
  equal(beats.map((beat) => [beat.pingEvery, beat.pongWithin, beat.silence]), [[20_000, 15_000, 45_000], [20_000, 15_000, 45_000], [8_000, 6_000, 18_000], [4_000, 3_000, 9_000], [96_000, 72_000, 216_000]]);
});

test('read pointers: the highest counts, one a second', () => {
  const reads = new ReadPointers();
  ok(reads.want(7, 5) && reads.want(7, 9));
  equal(reads.take(0), [{ room_id: 7, seq: 9 }]);
  ok(!reads.want(7, 8), 'nothing new');
  reads.want(7, 12);
  equal([reads.take(500), reads.nextAt(), reads.take(1_000)], [[], 1_000, [{ room_id: 7, seq: 12 }]]);
  reads.answered(7, 9);
  reads.disconnected();
  equal(reads.take(1_001), [{ room_id: 7, seq: 12 }], 'what had no answer goes again');
});

test('client ids are short and all different', () => {
  const ids = new Set(Array.from({ length: 500 }, newClientId));
  equal(ids.size, 500);
  ok([...ids].every((id) => id.length <= 64));
});
