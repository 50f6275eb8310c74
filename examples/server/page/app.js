// The page: who is signed in, which conversation is open, and what is told to which view.

import { showAuth, startAuth } from './auth-view.js';
import { Banner } from './banner.js';
import { Conversation } from './conversation.js';
import { $, avatar, icon, oncePerFrame, toast } from './dom.js';
import { browseDialog, newRoomDialog } from './room-dialogs.js';
import { MessageSearch } from './message-search.js';
import { RoomList } from './room-list.js';
import { currentSession, endSession } from './session.js';
import { Store } from './store.js';
import { startTheme } from './theme.js';

const AWAY_AFTER = 120_000;
const CLOCK_EVERY = 30_000;

/** @type {Page|null} */
let page = null;

/** The room that the address names. */
const roomOfAddress = () => {
  const match = location.hash.match(/^#room=(\d+)$/);
  return match ? Number(match[1]) : null;
};

/** Whether a key is a letter of something that is being written. @param {KeyboardEvent} event */
const isWriting = (event) => event.ctrlKey || event.metaKey || event.altKey || Boolean(event.target.closest?.('input, textarea, select, [contenteditable]'));

class Page {
  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.session = session;
    this.stop = new AbortController();
    const { signal } = this.stop;
    const store = new Store(session);
    this.store = store;
    store.people.learn({ id: session.user, name: session.name, username: session.name });
    this.list = new RoomList(store, { open: (id) => this.open(id), draft: (id) => this.conversation.composer.draft(id) });
    this.search = new MessageSearch(store, { show: (message) => this.show(message) });
    this.conversation = new Conversation(store, { back: () => this.back(), write: (user) => this.write(user), show: (message) => this.show(message) });
    this.banner = new Banner(store, signal);
    this.title = oncePerFrame(() => this.#title());
    store.on((topic, id) => this.#changed(topic, id));
    $('new-room').addEventListener('click', () => newRoomDialog(store, (id) => this.open(id)), { signal });
    $('empty-new-room').addEventListener('click', () => newRoomDialog(store, (id) => this.open(id)), { signal });
    $('browse-rooms').addEventListener('click', () => browseDialog(store, (id) => this.open(id)), { signal });
    $('empty-browse').addEventListener('click', () => browseDialog(store, (id) => this.open(id)), { signal });
    $('sign-out').addEventListener('click', () => leave(), { signal });
    addEventListener('hashchange', () => this.#follow(), { signal });
    document.addEventListener('visibilitychange', () => this.#presence(), { signal });
    document.addEventListener('keydown', (event) => {
      const asked = event.key === 'k' ? event.ctrlKey || event.metaKey : event.key === '/' && !isWriting(event);
      if (!asked || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      if (matchMedia('(max-width: 760px)').matches) this.back();
      $('room-filter').select();
    }, { signal });
    this.clock = setInterval(() => {
      this.list.render();
      this.conversation.render();
      this.conversation.panel.render();
    }, CLOCK_EVERY);
    $('auth').hidden = true;
    $('app').hidden = false;
    this.#me();
    // Of a panel that was open before the page was loaded anew.
    if (history.state?.panel) history.back();
    this.#follow();
    store.client.connect().catch(() => {});
  }

  close() {
    clearInterval(this.clock);
    clearTimeout(this.away);
    this.stop.abort();
    this.conversation.close();
    this.list.close();
    this.search.close();
    this.store.listeners.clear();
    this.store.client.close();
    document.title = 'Chat';
  }

  #changed(topic, id) {
    if (topic === 'closed') return this.#closed();
    if (topic === 'connection') this.banner.update();
    if (topic === 'people') this.#me();
    if (topic !== 'room') this.list.render();
    if (topic === 'people' || topic === 'rooms') this.search.render();
    this.conversation.changed(topic, id);
    if (topic === 'room' && id === this.store.current && this.store.roomsLoaded && !this.store.rooms.has(id)) this.#gone();
    if (topic === 'rooms') this.title();
  }

  /** The server wants this connection no more. */
  #closed() {
    const { code, reason } = this.store.connection;
    if (code === 1000) return;
    if (code === 4401 || code === 4403) return leave('Your sign-in has ended. Sign in again.');
    $('banner-text').textContent = code === 4409 ? 'Too many windows are open; this one is not up to date.' : `Disconnected: ${reason || code}.`;
    $('banner').hidden = false;
    $('banner-retry').textContent = 'Reconnect';
    $('banner-retry').onclick = () => location.reload();
  }

  #me() {
    const { people, me } = this.store;
    const name = people.name(me);
    if ($('own-name').textContent === name) return;
    $('own-name').textContent = name;
    $('own-avatar').replaceChildren(avatar({ name, seed: me }));
  }

  #title() {
    const unread = this.store.totalUnread();
    document.title = unread > 0 ? `(${unread > 99 ? '99+' : unread}) Chat` : 'Chat';
  }

  #presence() {
    clearTimeout(this.away);
    if (document.hidden) this.away = setTimeout(() => this.store.client.presence('away'), AWAY_AFTER);
    else if (this.isAway) this.store.client.presence('online');
    this.isAway = document.hidden;
  }

  // --- which room is open ---------------------------------------------------------------------

  open(id) {
    if (this.store.current === id) return this.conversation.opened();
    this.fromHere = true;
    if (roomOfAddress() === null) location.hash = `room=${id}`;
    else {
      history.replaceState(history.state, '', `#room=${id}`);
      this.#follow();
    }
  }

  /** Opens a room at a message. @param {{room_id: number, seq: number}} message */
  show({ room_id, seq }) {
    this.sought = { room: room_id, seq };
    this.open(room_id);
    this.#reveal();
  }

  /** The room may only just be opening. */
  #reveal() {
    if (!this.sought || this.sought.room !== this.store.current) return;
    const { seq } = this.sought;
    this.sought = null;
    this.conversation.messages.reveal(seq);
  }

  back() {
    if (roomOfAddress() === null) return;
    if (this.fromHere) history.back();
    else {
      history.replaceState(history.state, '', location.pathname);
      this.#follow();
    }
  }

  #follow() {
    const id = roomOfAddress();
    $('app').dataset.pane = id === null ? 'list' : 'room';
    if (id === null) this.fromHere = false;
    if (id === this.store.current) return;
    this.store.open(id);
    this.conversation.opened();
    this.list.draw();
    if (id === null) document.querySelector('.room-item[tabindex="0"]')?.focus({ preventScroll: true });
    else if (this.store.roomsLoaded && !this.store.rooms.has(id)) this.#gone();
    this.#reveal();
  }

  /** The open room is not, or no longer, one's own. */
  #gone() {
    if (roomOfAddress() === null || this.isLeaving) return;
    const { lastGone } = this.store;
    if (lastGone?.id !== this.store.current) toast('You are not in this conversation.');
    else if (lastGone.reason === 'deleted') toast(`${lastGone.title} was deleted.`);
    else if (lastGone.reason !== 'left') toast(`You are no longer in ${lastGone.title}.`);
    this.isLeaving = true;
    this.conversation.panel.close().then(() => {
      this.isLeaving = false;
      history.replaceState(history.state, '', location.pathname);
      this.#follow();
    });
  }

  /** The direct conversation with somebody. */
  async write(user) {
    try {
      if (matchMedia('(max-width: 1100px)').matches) await this.conversation.panel.close();
      const known = [...this.store.rooms.values()].find((room) => room.kind === 'direct' && room.peer === user);
      this.open(known ? known.id : await this.store.create({ kind: 'direct', members: [user] }));
    } catch (error) {
      toast(error.message, 'error');
    }
  }
}

/** Signs out. @param {string} [message] */
function leave(message) {
  endSession();
  page?.close();
  // Where the sign-in has ended, one goes on where one was.
  if (message === undefined) {
    page?.conversation.composer.drafts.forget();
    history.replaceState(null, '', location.pathname);
  }
  page = null;
  showAuth(message);
}

function start(session) {
  page = new Page(session);
}

for (const element of document.querySelectorAll('[data-icon]')) element.append(icon(element.dataset.icon));
startTheme();
startAuth(start);
const session = currentSession();
if (session) start(session);
else showAuth();
