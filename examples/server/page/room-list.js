// The list of conversations.

import { filesText } from './attachments.js';
import { $, avatar, h, oncePerFrame, reconcile } from './dom.js';
import { isHidden, wordsOf } from './message-words.js';
import { progressOf, statusMark } from './status.js';
import { listTime } from './time.js';

export class RoomList {
  /** @param {import('./store.js').Store} store @param {{open: (id: number) => void, draft: (id: number) => string}} actions */
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    this.list = $('room-list');
    this.filter = $('room-filter');
    this.render = oncePerFrame(() => this.draw());
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.filter.value = '';
    this.filter.addEventListener('input', this.render, { signal });
    this.filter.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown') this.#focus(0, event);
      if (event.key === 'Enter') this.list.querySelector('.room-item')?.click();
      if (event.key === 'Escape') {
        this.filter.value = '';
        this.render();
      }
    }, { signal });
    this.list.addEventListener('keydown', (event) => this.#onKey(event), { signal });
    this.list.addEventListener('click', (event) => {
      const item = event.target.closest('.room-item');
      if (item) actions.open(Number(item.dataset.room));
    }, { signal });
    this.list.replaceChildren();
    this.list.keyed = undefined;
    this.render();
  }

  close() {
    this.stop.abort();
  }

  #items() {
    return [...this.list.querySelectorAll('.room-item')];
  }

  #focus(index, event) {
    const items = this.#items();
    const item = items[Math.max(0, Math.min(items.length - 1, index))];
    if (!item) return;
    event.preventDefault();
    for (const other of items) other.tabIndex = other === item ? 0 : -1;
    item.focus();
    item.scrollIntoView({ block: 'nearest' });
  }

  #onKey(event) {
    const items = this.#items();
    const at = items.indexOf(document.activeElement);
    switch (event.key) {
      case 'ArrowDown': return this.#focus(at + 1, event);
      case 'ArrowUp':
        if (at > 0) return this.#focus(at - 1, event);
        event.preventDefault();
        return this.filter.focus();
      case 'Home': return this.#focus(0, event);
      case 'End': return this.#focus(items.length - 1, event);
      case 'Enter':
      case ' ':
        event.preventDefault();
        if (at >= 0) this.actions.open(Number(items[at].dataset.room));
    }
  }

  draw() {
    const { store } = this;
    const wanted = this.filter.value.trim().toLowerCase();
    const rooms = store.sorted().filter((room) => !wanted || store.title(room).toLowerCase().includes(wanted));
    if (!store.roomsLoaded && store.rooms.size === 0) return this.#skeleton();
    const focused = document.activeElement?.dataset?.room;
    const stop = focused ?? String(rooms.some((room) => room.id === store.current) ? store.current : rooms[0]?.id);
    reconcile(this.list, rooms.map((room) => this.#item(room, String(room.id) === stop)));
    const empty = rooms.length === 0;
    // While something is looked for, what messages have is said below.
    $('room-list-empty').hidden = !empty || wanted !== '';
    $('room-list-empty-text').textContent = 'No conversations yet.';
  }

  #skeleton() {
    const row = (key) => ({
      key, sig: '', build: () => h('div', { class: 'skeleton', 'aria-hidden': 'true' }, h('i', { class: 'round' }), h('div', { class: 'lines' }, h('i'), h('i'))),
    });
    reconcile(this.list, ['s1', 's2', 's3', 's4'].map(row));
  }

  /** What stands under a room's name. */
  #preview(room) {
    const { people, me } = this.store;
    const typing = [...room.typing.keys()];
    if (typing.length > 0) return { typing: true, words: room.kind === 'direct' ? 'typing…' : `${people.name(typing[0])} is typing…` };
    const draft = room.id === this.store.current ? '' : this.actions.draft(room.id);
    if (draft) return { draft: true, words: draft };
    const waiting = room.outgoing.at(-1);
    if (waiting) return { words: waiting.draft.content || filesText(this.store.filesOf(waiting.draft)), progress: progressOf(room, waiting) };
    const last = room.last;
    if (!last) return { quiet: true, words: 'No messages yet' };
    const own = last.sender === me;
    if (last.deleted || isHidden(this.store, last)) return { quiet: true, words: wordsOf(this.store, last) };
    const who = room.kind === 'direct' || last.sender === null ? '' : own ? 'You: ' : `${people.name(last.sender)}: `;
    return { who, words: wordsOf(this.store, last) || 'Attachment', progress: own ? room.lastProgress() : null };
  }

  #item(room, isStop) {
    const { store } = this;
    const title = store.title(room);
    const presence = room.kind === 'direct' && room.peer !== undefined ? store.people.status(room.peer) : undefined;
    const preview = this.#preview(room);
    const time = listTime(room.last?.at ?? room.activity);
    const isOpen = room.id === store.current;
    const sig = JSON.stringify([title, room.kind, presence, preview, time, isOpen, isStop, room.unread, room.mentions]);
    return { key: `r${room.id}`, sig, build: () => this.#build(room, { title, presence, preview, time, isOpen, isStop }) };
  }

  #build(room, { title, presence, preview, time, isOpen, isStop }) {
    const unread = room.unread > 0;
    const marks = h('span', { class: 'room-marks' },
      room.mentions > 0 && h('span', { class: 'badge mention', 'aria-hidden': 'true', dataset: { testid: 'mention-badge' }, text: '@' }),
      unread && h('span', { class: 'badge', 'aria-hidden': 'true', dataset: { testid: 'unread-badge' }, text: room.unread > 99 ? '99+' : room.unread }));
    const label = [title, presence === 'online' && 'online', unread && `${room.unread} unread`, room.mentions > 0 && 'you are mentioned', `${preview.who ?? ''}${preview.words}`, time].filter(Boolean).join(', ');
    return h('div', {
      class: `room-item${unread ? ' unread' : ''}`, role: 'option', tabindex: isStop ? 0 : -1, 'aria-selected': String(isOpen), 'aria-label': label,
      dataset: { testid: 'room-item', room: room.id, kind: room.kind, name: title, unread: room.unread },
    },
    avatar({ name: title, seed: room.kind === 'direct' ? room.peer : `room ${room.id}`, room: room.kind === 'direct' ? undefined : room.kind, presence }),
    h('span', { class: 'room-top' }, h('span', { class: 'room-name', text: title }), h('span', { class: 'room-time', text: time })),
    h('span', { class: 'room-under' },
      h('span', { class: `room-last${preview.typing ? ' typing-now' : ''}`, dataset: { testid: 'room-preview' } },
        preview.progress && statusMark(preview.progress),
        h('span', { class: `words${preview.quiet ? ' quiet' : ''}` },
          preview.draft && h('span', { class: 'draft', text: 'Draft: ' }),
          preview.who && h('span', { class: 'who', text: preview.who }),
          preview.words.replace(/\s+/g, ' '))),
      marks));
  }
}
