// Messages found by their words, below the list of conversations.

import { $, h, oncePerFrame, reconcile } from './dom.js';
import { excerpt, isSearchable, marked, searchPattern } from './highlight.js';
import { listTime, wholeTime } from './time.js';

const WAIT = 250;
/** Pages asked for in a row while nothing is found in them. */
const PAGES = 5;

export class MessageSearch {
  /** @param {import('./store.js').Store} store @param {{show: (message: {room_id: number, seq: number}) => void}} actions */
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    this.input = $('room-filter');
    this.list = $('found-list');
    this.more = $('found-more');
    this.asked = 0;
    this.render = oncePerFrame(() => this.draw());
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.input.addEventListener('input', () => this.#typed(), { signal });
    this.input.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#close();
      if (event.key === 'ArrowDown' && !$('room-list').querySelector('.room-item')) this.#focus(0, event);
      if (event.key === 'Enter' && !$('room-list').querySelector('.room-item')) this.#items()[0]?.click();
    }, { signal });
    $('room-list').addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown' && event.target === [...$('room-list').querySelectorAll('.room-item')].at(-1)) this.#focus(0, event);
    }, { signal });
    this.list.addEventListener('keydown', (event) => this.#onKey(event), { signal });
    this.list.addEventListener('click', (event) => {
      const item = event.target.closest('.found-message');
      if (item) actions.show({ room_id: Number(item.dataset.room), seq: Number(item.dataset.seq) });
    }, { signal });
    this.more.addEventListener('click', () => this.#ask(), { signal });
    this.#close();
  }

  close() {
    this.#close();
    this.stop.abort();
  }

  #close() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.query = '';
    this.pattern = null;
    this.messages = null;
    this.next = undefined;
    this.error = null;
    this.draw();
  }

  #typed() {
    const query = this.input.value.trim();
    if (query === this.query) return;
    if (!isSearchable(query)) return this.#close();
    clearTimeout(this.timer);
    // What is on its way is of other words.
    this.asked += 1;
    this.query = query;
    this.timer = setTimeout(() => {
      this.next = undefined;
      this.#ask();
    }, WAIT);
  }

  /** The next page, or the first one of new words. */
  async #ask() {
    const { query } = this;
    const first = this.next === undefined;
    const turn = (this.asked += 1);
    this.more.disabled = true;
    try {
      let found = [];
      // A page may be empty and there be more.
      for (let page = 0; page < PAGES && found.length === 0; page += 1) {
        const answer = await this.store.client.rest.search({ q: query, before: this.next });
        if (turn !== this.asked) return;
        found = answer.messages;
        this.next = answer.next;
        if (!answer.more) break;
      }
      this.messages = first ? found : [...this.messages, ...found];
      this.pattern = searchPattern(query);
      this.error = null;
    } catch (error) {
      if (turn !== this.asked) return;
      if (first) this.messages = [];
      this.error = error;
    }
    this.more.disabled = false;
    this.draw();
  }

  draw() {
    const { messages } = this;
    const isOpen = messages !== null;
    $('found').hidden = !isOpen;
    $('sidebar').classList.toggle('searching', isOpen);
    if (!isOpen) {
      reconcile(this.list, []);
      $('found-status').textContent = '';
      return;
    }
    const shown = messages.filter((message) => !this.store.blocked.has(message.sender));
    reconcile(this.list, shown.map((message) => this.#item(message)));
    this.more.hidden = this.next === undefined;
    const count = `${shown.length}${this.next === undefined ? '' : ' or more'} message${shown.length === 1 ? '' : 's'} found`;
    const status = this.error ? this.error.message : shown.length > 0 ? count : this.next === undefined ? 'No messages found.' : 'Nothing found as yet.';
    if ($('found-status').textContent !== status) $('found-status').textContent = status;
    $('found-status').classList.toggle('sr', !this.error && shown.length > 0);
  }

  #item(message) {
    const { people, rooms, me } = this.store;
    const room = rooms.get(message.room_id);
    const title = room ? this.store.title(room) : 'A conversation';
    const who = message.sender === null ? 'The host' : message.sender === me ? 'You' : people.name(message.sender);
    const text = excerpt(message.content, this.pattern);
    const time = listTime(message.at);
    const build = () => h('li', {}, h('button', { type: 'button', class: 'found-message', dataset: { testid: 'search-result', room: message.room_id, seq: message.seq } },
      h('span', { class: 'room-top' }, h('span', { class: 'room-name', text: title }), h('time', { class: 'room-time', datetime: message.at, title: wholeTime(message.at), text: time })),
      h('span', { class: 'found-words' }, h('span', { class: 'who', text: `${who}: ` }), marked(text, this.pattern))));
    return { key: `f${message.id}`, sig: JSON.stringify([title, who, text, time, this.query]), build };
  }

  // --- the keyboard ---------------------------------------------------------------------------

  #items() {
    return [...this.list.querySelectorAll('.found-message')];
  }

  #focus(index, event) {
    const items = this.#items();
    const item = items[Math.min(items.length - 1, index)];
    if (!item) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    item.focus();
    item.scrollIntoView({ block: 'nearest' });
  }

  #onKey(event) {
    const at = this.#items().indexOf(document.activeElement);
    if (at < 0) return;
    if (event.key === 'ArrowDown') return this.#focus(at + 1, event);
    if (event.key === 'ArrowUp' && at > 0) return this.#focus(at - 1, event);
    if (event.key === 'Home') return this.#focus(0, event);
    if (event.key === 'End') return this.#focus(Infinity, event);
    if (event.key !== 'ArrowUp' && event.key !== 'Escape') return;
    event.preventDefault();
    this.input.focus();
    if (event.key === 'Escape') {
      this.input.value = '';
      this.input.dispatchEvent(new Event('input'));
    }
  }
}
