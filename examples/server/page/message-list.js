// The messages of the open room: their order, the scroll position, and what can be done with each.

import { $, avatar, h, oncePerFrame, reconcile, toast } from './dom.js';
import { emojiPicker } from './emoji-picker.js';
import { aroundDialog } from './message-around.js';
import { MessageFocus } from './message-focus.js';
import { buildMessage, describe, sameGroup } from './message-view.js';
import { isHidden, wordsOf } from './message-words.js';
import { dayLabel, daysBetween } from './time.js';

const NEAR_BOTTOM = 48;
const NEAR_TOP = 600;
/** After a page that could not be had. */
const PAUSE = 5_000;

export class MessageList {
  /**
   * @param {import('./store.js').Store} store
   * @param {{reply: (message: object) => void, edit: (message: object) => void, remove: (message: object) => void, report: (message: object) => void, compose: () => void}} actions
   * @param {AbortSignal} signal
   */
  constructor(store, actions, signal) {
    this.store = store;
    this.actions = actions;
    this.log = $('log');
    this.list = $('messages');
    /** @type {import('./room-state.js').RoomState|null} */
    this.room = null;
    this.focus = new MessageFocus(this.list, actions.compose);
    this.pinned = true;
    this.pauseUntil = 0;
    this.draw = this.draw.bind(this);
    this.render = oncePerFrame(this.draw);
    this.log.addEventListener('scroll', () => this.#onScroll(), { signal, passive: true });
    this.list.addEventListener('click', (event) => this.#onClick(event), { signal });
    this.list.addEventListener('keydown', (event) => this.focus.onKey(event), { signal });
    $('jump').addEventListener('click', () => this.toEnd(true), { signal });
    document.addEventListener('visibilitychange', () => this.#onVisibility(), { signal });
    const watch = new ResizeObserver(() => this.pinned && this.#bottom());
    watch.observe(this.log);
    watch.observe(this.list);
    signal.addEventListener('abort', () => watch.disconnect());
  }

  /** @param {import('./room-state.js').RoomState|null} room */
  show(room) {
    if (room === this.room) return;
    this.room = room;
    this.pinned = true;
    this.placed = false;
    this.shown = null;
    this.heard = room?.head ?? 0;
    this.openKey = null;
    this.list.replaceChildren();
    this.list.keyed = undefined;
  }

  // --- what is shown --------------------------------------------------------------------------

  draw() {
    const { room, store } = this;
    if (!room) return;
    if (store.newFrom === null && (!this.pinned || document.hidden) && room.loaded && room.unread > 0) store.newFrom = room.read;
    const before = this.#anchor();
    const focus = this.focus.inside();
    const items = room.loaded ? this.#items() : [];
    reconcile(this.list, items);
    this.shown = new Set(items.map((item) => item.key));
    this.#beginning();
    $('older').hidden = room.loaded && !room.loadingOlder;
    this.focus.restore(focus);
    this.focus.restoreStop();
    if (this.openKey) this.list.keyed.get(this.openKey)?.node.classList.add('open');
    if (room.loaded && !this.placed) this.#place();
    else if (this.pinned) this.#bottom();
    else if (before) this.log.scrollTop += before.element().getBoundingClientRect().top - before.top;
    this.#jump();
    this.see();
    this.#announce();
    this.#older();
  }

  #items() {
    const { room, store } = this;
    const messages = room.inOrder();
    const pending = room.outgoing.map((item) => ({ client_id: item.client_id, sender: store.me, at: item.at, content: item.draft.content, attachments: store.filesOf(item.draft), reply_to: item.draft.reply_to, mentions: item.draft.mentions, state: item.state, error: item.error }));
    const notices = room.notices.filter((notice) => messages.length === 0 || notice.seq > messages[0].seq || !room.hasOlder);
    const rows = [...messages, ...notices].sort((a, b) => a.seq - b.seq).concat(pending);
    const items = [];
    let divided = store.newFrom === null;
    let previous = null;
    rows.forEach((row, index) => {
      if (!previous || daysBetween(new Date(previous.at), new Date(row.at)) !== 0) {
        items.push(this.#line(`d${new Date(row.at).toDateString()}`, 'day', dayLabel(row.at)));
        previous = null;
      }
      if (!divided && row.seq > store.newFrom && row.sender !== store.me && !row.type) {
        items.push(this.#line('new', 'divider', 'New messages'));
        divided = true;
        previous = null;
      }
      if (row.type || row.kind === 'system') {
        items.push(this.#line(`n${row.seq}`, 'notice', row.kind === 'system' ? row.content : this.#news(row)));
        previous = { at: row.at };
        return;
      }
      const next = rows[index + 1];
      const endsHere = next === undefined || daysBetween(new Date(row.at), new Date(next.at)) !== 0 || (!divided && next.seq > store.newFrom && next.sender !== store.me);
      items.push(this.#message(row, { first: !sameGroup(previous, row), last: endsHere || !sameGroup(row, next) }));
      previous = row;
    });
    return items;
  }

  #line(key, kind, text) {
    const props = { class: kind, role: kind === 'notice' ? null : 'separator', 'aria-label': text, dataset: { testid: kind === 'divider' ? 'new-divider' : kind } };
    return { key, sig: text, build: () => h('div', props, h('span', { text })) };
  }

  #message(message, place) {
    const model = describe(this.store, this.room, message, place);
    const key = message.client_id ? `c${message.client_id}` : `m${message.seq}`;
    const isNew = this.placed && this.shown !== null && !this.shown.has(key) && (message.seq ?? Infinity) > (this.newest ?? 0);
    if (message.seq > (this.newest ?? 0)) this.newest = message.seq;
    return { key, sig: JSON.stringify(model), build: () => buildMessage(model, isNew, this.list.keyed?.get(key)?.node) };
  }

  #news({ type, user, actor, reason, name }) {
    const { people, me } = this.store;
    const who = (id) => (id === me ? 'You' : people.name(id));
    const whom = (id) => (id === me ? 'you' : people.name(id));
    if (type === 'member_joined') return actor === user || actor === null ? `${who(user)} joined` : `${who(actor)} added ${whom(user)}`;
    if (type === 'member_left') return reason === 'left' || actor === null ? `${who(user)} left` : `${who(actor)} removed ${whom(user)}`;
    return `${actor === null ? 'The host' : who(actor)} renamed this to “${name}”`;
  }

  #beginning() {
    const { room, store } = this;
    const box = $('beginning');
    box.hidden = !room.loaded || room.hasOlder;
    if (box.hidden) return;
    const title = store.title(room);
    const words = room.kind === 'direct' ? 'This is the beginning of your conversation.' : room.kind === 'public' ? 'A public room: anybody may join. This is its beginning.' : 'This is the beginning of the group.';
    reconcile(box, [{ key: 'start', sig: title, build: () => h('div', {}, avatar({ name: title, seed: room.kind === 'direct' ? room.peer : `room ${room.id}`, room: room.kind === 'direct' ? undefined : room.kind }), h('b', { text: title }), h('span', { text: words })) }]);
  }

  // --- where it is scrolled to ----------------------------------------------------------------

  #anchor() {
    if (this.pinned) return null;
    const top = this.log.getBoundingClientRect().top;
    for (const element of this.list.children) {
      const box = element.getBoundingClientRect();
      if (box.bottom > top && element.dataset.testid === 'message') {
        const { key } = element.dataset;
        return { top: box.top, element: () => this.list.keyed.get(key)?.node ?? element };
      }
    }
    return null;
  }

  #bottom() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  /** Where a room opens: at what is new, or at its end. */
  #place() {
    this.placed = true;
    const line = this.list.querySelector('.divider');
    // Where more is unread than was loaded, the line does not stand at its beginning.
    if (!line || this.room.hasUnreadHole) return this.#bottom();
    this.log.scrollTop += line.getBoundingClientRect().top - this.log.getBoundingClientRect().top - 90;
    this.#measure();
  }

  #measure() {
    this.pinned = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_BOTTOM;
  }

  #onScroll() {
    if (!this.room || !this.placed) return;
    this.#measure();
    this.#jump();
    this.see();
    this.#older();
  }

  #older() {
    if (!this.placed || this.log.scrollTop >= NEAR_TOP || performance.now() < this.pauseUntil) return;
    this.store.history.older(this.room).catch(() => {
      this.pauseUntil = performance.now() + PAUSE;
    });
  }

  #jump() {
    $('jump').hidden = this.pinned;
    const unread = this.room.unread;
    $('jump-count').hidden = unread === 0;
    $('jump-count').textContent = unread > 99 ? '99+' : unread;
  }

  /** @param {boolean} [smooth] */
  toEnd(smooth = false) {
    this.pinned = true;
    const gentle = smooth && this.log.scrollHeight - this.log.scrollTop < 4 * this.log.clientHeight && !matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (gentle) this.log.scrollTo({ top: this.log.scrollHeight, behavior: 'smooth' });
    else this.#bottom();
    this.actions.compose();
  }

  /** Scrolls to a message, loading back to it; shows one that lies too far back by itself. @param {number} seq */
  async reveal(seq) {
    const { room } = this;
    if (!room) return;
    if (!room.messages.has(seq)) {
      this.pinned = false;
      const reached = await this.store.history.reach(room, seq).catch(() => false);
      if (room !== this.room) return;
      if (!reached) return aroundDialog(this.store, room, seq);
    }
    this.draw();
    const element = this.list.querySelector(`[data-seq="${seq}"]`);
    if (!element) return;
    this.pinned = false;
    element.scrollIntoView({ block: 'center' });
    this.#measure();
    element.classList.remove('flash');
    void element.offsetWidth;
    element.classList.add('flash');
    element.addEventListener('animationend', () => element.classList.remove('flash'), { once: true });
  }

  // --- what has been read ---------------------------------------------------------------------

  /** Tells the server how far one has read: down to the last message in sight of a page in sight. */
  see() {
    const { room } = this;
    // What was never loaded was never shown.
    if (!room?.loaded || !this.placed || document.hidden || room.hasUnreadHole) return;
    const bottom = this.log.getBoundingClientRect().bottom;
    const elements = this.list.querySelectorAll('[data-seq]');
    for (let index = elements.length - 1; index >= 0; index -= 1) {
      if (!this.pinned && elements[index].getBoundingClientRect().bottom > bottom + 24) continue;
      const seq = Number(elements[index].dataset.seq);
      if (seq > room.read) this.store.read(room, seq);
      return;
    }
  }

  #onVisibility() {
    if (document.hidden && this.room?.unread === 0) this.store.newFrom = null;
    else if (!document.hidden) this.draw();
  }

  /** New messages of others, for those who listen. */
  #announce() {
    const { room, store } = this;
    if (!room.loaded) return;
    const fresh = [...room.messages.values()].filter((message) => message.seq > this.heard && message.sender !== store.me && !message.deleted && !isHidden(store, message));
    this.heard = Math.max(this.heard, room.head);
    if (fresh.length > 0) $('announce').textContent = fresh.map((message) => `${store.people.name(message.sender)}: ${wordsOf(store, message)}`).join('. ');
  }

  // --- what can be done -----------------------------------------------------------------------

  #heldOf(element) {
    return this.room.messages.get(Number(element.dataset.seq));
  }

  #onClick(event) {
    const element = event.target.closest('.message');
    if (!element) return;
    const button = event.target.closest('[data-act]');
    if (button) return this.#act(button.dataset.act, element, button);
    if (event.target.closest('a, audio, video') || !matchMedia('(hover: none)').matches) return;
    const { key } = element.dataset;
    this.#open(this.openKey === key ? null : key);
  }

  #open(key) {
    this.openKey = key;
    for (const element of this.list.querySelectorAll('.message.open')) element.classList.remove('open');
    this.list.keyed?.get(key)?.node.classList.add('open');
  }

  #act(act, element, button) {
    const { room, store } = this;
    const { seq, clientId } = element.dataset;
    const message = seq ? this.#heldOf(element) : null;
    const failed = (error) => toast(error.message, 'error');
    if (act !== 'pick') this.#open(null);
    switch (act) {
      case 'react': return store.toggleReaction(room, message.seq, button.dataset.emoji).catch(failed);
      case 'pick': return emojiPicker(button, (emoji) => store.toggleReaction(room, message.seq, emoji).catch(failed));
      case 'reply': return this.actions.reply(message);
      case 'edit': return this.actions.edit(message);
      case 'delete': return this.actions.remove(message);
      case 'report': return this.actions.report(message);
      case 'quote': return this.reveal(Number(button.dataset.target));
      case 'retry': return store.client.outbox.isFull ? toast('Too many messages wait to be sent.', 'error') : store.retry(room, clientId);
      case 'discard': return store.discard(room, clientId);
    }
  }
}
