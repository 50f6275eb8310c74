// What somebody wrote whom one has blocked is said nowhere.

import { buildMessage, describe } from '/message-view.js';
import { HIDDEN, wordsOf } from '/message-words.js';
import { RoomList } from '/room-list.js';
import { RoomState } from '/room-state.js';
import { equal, ok, test } from '/selftest/harness.js';

const secret = { seq: 11, sender: '2', kind: 'text', content: 'see you at nine', at: '2026-01-02T03:04:05.000Z', attachments: [{ id: 'f', kind: 'image', name: 'map.png' }], mentions: [] };

/** A store that knows two people. @param {string[]} blocked */
const store = (blocked) => ({
  me: '1',
  blocked: new Set(blocked),
  people: { name: (id) => `u${id}`, handle: (id) => `u${id}`, status: () => 'offline' },
  client: { rest: { attachmentUrl: (id) => `/f/${id}` } },
  history: { quoted: () => secret },
  current: null,
  rooms: new Map(),
  roomsLoaded: true,
  title: (room) => room.name,
  sorted() { return [...this.rooms.values()]; },
});
const room = () => new RoomState({ id: 7, kind: 'group', name: 'R', head: 11, read: 11, unread: 0, role: 'member', last_message: secret }, '1');
const built = (message, blocked) => buildMessage(describe(store(blocked), room(), message, { first: true, last: true }), false);

test('words of a message, or what stands for them', () => {
  equal([wordsOf(store([]), secret), wordsOf(store(['2']), secret), wordsOf(store(['2']), { ...secret, deleted: true })], ['see you at nine', HIDDEN, 'Message deleted']);
  equal(wordsOf(store(['1']), { ...secret, sender: '1' }), 'see you at nine', 'own ones');
});

test('a hidden message is hidden from those who listen, and in a quote', () => {
  ok(built(secret, []).outerHTML.includes('nine') && built(secret, []).getAttribute('aria-label').includes('nine, Photo'), 'shown');
  ok(!built(secret, ['2']).outerHTML.includes('nine') && !built(secret, ['2']).outerHTML.includes('map.png'), 'hidden');
  const reply = { seq: 12, sender: '3', kind: 'text', content: 'yes', at: secret.at, reply_to: 11 };
  ok(built(reply, []).querySelector('.quote').textContent.includes('nine'), 'quoted');
  ok(!built(reply, ['2']).outerHTML.includes('nine'), 'not quoted');
});

test('a hidden message is hidden in the list of rooms', () => {
  for (const [blocked, isShown] of [[[], true], [['2'], false]]) {
    const ids = { 'room-list': 'div', 'room-filter': 'input', 'room-list-empty': 'div', 'room-list-empty-text': 'p' };
    const parts = Object.entries(ids).map(([id, tag]) => Object.assign(document.createElement(tag), { id }));
    document.body.append(...parts);
    const known = store(blocked);
    known.rooms.set(7, room());
    const list = new RoomList(known, { open: () => {}, draft: () => '' });
    list.draw();
    equal([parts[0].innerHTML.includes('nine'), parts[0].innerHTML.includes(HIDDEN)], [isShown, !isShown]);
    list.close();
    for (const part of parts) part.remove();
  }
});
