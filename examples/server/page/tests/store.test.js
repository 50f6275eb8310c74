// What the page knows, told by a client whose other side is the test.

import { Store } from '/store.js';
import { equal, message, ok, settle, test } from '/selftest/harness.js';

const room = (id, more = {}) => ({ id, kind: 'group', name: `R${id}`, head: 10, read: 10, unread: 0, mentions: 0, role: 'member', created_at: '2026-01-02T03:04:05.000Z', last_message: null, ...more });
const welcome = (rooms, heads) => ({ type: 'welcome', user: '1', rooms, heads, blocked: [], presence: [] });

/** A store that never connects. @param {{rest?: object, history?: Function}} answers */
function made({ rest = {}, history = async () => ({ messages: [], as_of: 10, more: false }) } = {}) {
  const store = new Store({ token: 'one', user: '1' });
  const read = [];
  Object.assign(store.client.rest, { room: async (id) => room(id), user: async (id) => ({ id, name: `u${id}` }), ...rest });
  Object.assign(store.client, { history, subscribe: async () => ({}), isSubscribed: () => true, read: (id, seq) => read.push([id, seq]) });
  const told = [];
  store.on((topic, id) => told.push({ topic, id, loaded: store.roomsLoaded, has: store.rooms.has(store.current) }));
  const lost = () => told.some(({ topic, id, loaded, has }) => topic === 'room' && id === store.current && loaded && !has);
  return { store, read, lost };
}

/** A log of messages as the server pages it. */
const log = (head, asked = []) => async (_, { before = Infinity, limit }) => {
  asked.push({ before, limit });
  const all = Array.from({ length: head }, (__, index) => message(index + 1).message).filter((each) => each.seq < before);
  return { messages: all.slice(-limit), as_of: head, more: all.length > limit };
};

test('an older room that is open stays open while the others are still read', async () => {
  let page;
  const pages = new Promise((resolve) => { page = resolve; });
  const { store, lost } = made({ rest: { rooms: () => pages } });
  store.open(9);
  store.client.emit('welcome', welcome([room(1)], { 1: 10, 9: 10 }));
  await settle();
  ok(!lost() && store.rooms.has(9) && store.rooms.get(9).loaded, 'it is fetched by itself');
  ok(!store.roomsLoaded);
  page({ rooms: [room(9), room(8)] });
  await settle();
  equal([store.roomsLoaded, lost(), store.rooms.size], [true, false, 3]);
});

test('a room that is nobody of ours is left when all are there', async () => {
  const { store, lost } = made({ rest: { rooms: async () => ({ rooms: [room(1), room(2)] }) } });
  store.open(9);
  store.client.emit('welcome', welcome([room(1)], { 1: 10, 2: 10 }));
  ok(!lost(), 'not before');
  await settle();
  ok(lost());
});

test('rooms that were being read when the server was reset are not taken', async () => {
  let page;
  const { store } = made({ rest: { rooms: () => new Promise((resolve) => { page = resolve; }) } });
  store.client.emit('welcome', welcome([], { 2: 10 }));
  store.client.emit('reset', {});
  page({ rooms: [room(2)] });
  await settle();
  equal([store.rooms.size, store.roomsLoaded], [0, false]);
});

test('all that is unread is loaded where a room opens, though it takes some pages', async () => {
  const asked = [];
  const { store } = made({ history: log(700, asked), rest: { room: async (id) => room(id, { head: 700, read: 250, unread: 450 }) } });
  store.client.emit('welcome', welcome([room(7, { head: 700, read: 250, unread: 450 })], { 7: 700 }));
  store.open(7);
  await settle();
  await settle();
  const state = store.rooms.get(7);
  equal([asked.map(({ limit }) => limit), state.oldest(), state.hasUnreadHole, store.newFrom], [[200, 200, 200], 101, false, 250]);
});

test('reading the end of what is too much does not read what was never loaded', async () => {
  const asked = [];
  const { store } = made({ history: log(5_000, asked), rest: { room: async (id) => room(id, { head: 5_000, read: 10, unread: 1_000 }) } });
  store.client.emit('welcome', welcome([room(7, { head: 5_000, read: 10, unread: 1_000 })], { 7: 5_000 }));
  store.open(7);
  for (let turn = 0; turn < 10; turn += 1) await settle();
  const state = store.rooms.get(7);
  equal([asked.length, state.loaded, state.oldest(), state.hasUnreadHole], [5, true, 4_001, true]);
  state.point({ user: '1', read: 4_000 });
  equal(state.hasUnreadHole, false, 'read elsewhere');
});

test('a message that comes while older pages are read is not lost', async () => {
  const pages = log(700);
  let store;
  const history = async (id, where) => {
    const page = await pages(id, where);
    if (where.before === undefined) return page;
    store.client.emit('event', message(701));
    return { ...page, as_of: 701 };
  };
  ({ store } = made({ history, rest: { room: async (id) => room(id, { head: 700, read: 350, unread: 350 }) } }));
  store.client.emit('welcome', welcome([room(7, { head: 700, read: 350, unread: 350 })], { 7: 700 }));
  store.open(7);
  for (let turn = 0; turn < 5; turn += 1) await settle();
  const state = store.rooms.get(7);
  ok(state.loaded && state.messages.has(701) && state.messages.has(301), 'all of it');
});

test('presence of those who are no longer blocked is asked for', async () => {
  const asked = [];
  const { store } = made({ rest: { unblock: async () => {}, presence: async (users) => (asked.push(users), { presence: [{ user: '2', status: 'online' }] }) } });
  store.client.emit('welcome', { ...welcome([room(7)], { 7: 10 }), blocked: ['2', '3'] });
  equal(store.people.status('2'), 'offline');
  await store.block('2', false);
  await settle();
  equal([asked, store.people.status('2'), [...store.blocked]], [[['2']], 'online', ['3']]);
  store.client.emit('blocked', { users: [] });
  await settle();
  equal(asked, [['2'], ['3']], 'in another window, too');
});

test('what waits in the outbox is shown, and no more when it is sent', async () => {
  const { store } = made();
  store.client.outbox.add({ client_id: 'a', room_id: 7, content: 'x' });
  store.client.emit('welcome', welcome([room(7)], { 7: 10 }));
  equal(store.rooms.get(7).outgoing.length, 1);
  store.client.outbox.remove('a');
  store.client.emit('reset', {});
  store.client.emit('welcome', welcome([room(7)], { 7: 10 }));
  equal(store.rooms.get(7).outgoing, []);
});
