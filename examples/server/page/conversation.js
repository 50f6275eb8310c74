// The open conversation: its head, its messages, who is typing, and the composer below.

import { Composer } from './composer.js';
import { confirm } from './dialog.js';
import { $, avatar, oncePerFrame, reconcile, toast } from './dom.js';
import { MessageList } from './message-list.js';
import { Panel } from './panel.js';
import { reportDialog } from './report-dialog.js';
import { lastSeen } from './time.js';

export class Conversation {
  /**
   * @param {import('./store.js').Store} store
   * @param {{back: () => void, write: (user: string) => void, show: (message: {room_id: number, seq: number}) => void}} actions
   */
  constructor(store, actions) {
    this.store = store;
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.messages = new MessageList(store, {
      reply: (message) => this.composer.reply(message),
      edit: (message) => this.composer.edit(message),
      remove: (message) => this.#remove(message),
      report: (message) => reportDialog(store, this.room, message),
      compose: () => this.composer.focus(),
    }, signal);
    this.composer = new Composer(store, {
      lastOwn: () => this.#lastOwn(),
      sent: () => this.messages.toEnd(),
      toMessages: () => $('messages').querySelector('.message[tabindex="0"]')?.focus(),
      resized: () => this.messages.pinned && this.messages.render(),
    }, signal);
    this.panel = new Panel(store, { write: actions.write, show: actions.show, closed: () => this.#focusBack() }, signal);
    this.render = oncePerFrame(() => this.draw());
    $('back').addEventListener('click', actions.back, { signal });
    $('open-members').addEventListener('click', () => this.panel.toggle(this.room), { signal });
    $('room-head').addEventListener('click', () => this.panel.toggle(this.room), { signal });
    $('room').addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && event.target === this.composer.input && !this.messages.pinned) this.messages.toEnd(true);
    }, { signal });
    this.draw();
  }

  close() {
    this.panel.close();
    this.stop.abort();
    this.messages.show(null);
  }

  get room() {
    return this.store.rooms.get(this.store.current) ?? null;
  }

  /** @param {"rooms"|"room"|"people"|"connection"} topic @param {number} [id] */
  changed(topic, id) {
    if (topic === 'room' && id !== this.store.current) return;
    if (topic === 'rooms') return;
    this.render();
    if (topic !== 'connection') this.panel.render();
  }

  /** Another room was opened. */
  opened() {
    this.draw();
    this.panel.follow(this.room);
    if (this.room && matchMedia('(hover: hover)').matches) this.composer.focus();
  }

  draw() {
    const { room } = this;
    $('placeholder').hidden = room !== null;
    $('room').hidden = room === null;
    this.messages.show(room);
    this.composer.show(room);
    if (room === null) return this.panel.follow(null);
    this.#head(room);
    this.#typing(room);
    this.messages.draw();
  }

  #head(room) {
    const { people } = this.store;
    const title = this.store.title(room);
    const direct = room.kind === 'direct';
    const presence = direct && room.peer !== undefined ? people.status(room.peer) : undefined;
    reconcile($('room-avatar'), [{ key: 'head', sig: JSON.stringify([title, room.id, presence]), build: () => avatar({ name: title, seed: direct ? room.peer : `room ${room.id}`, room: direct ? undefined : room.kind, presence }) }]);
    $('room-title').textContent = title;
    const subtitle = $('room-subtitle');
    subtitle.dataset.presence = presence ?? '';
    subtitle.textContent = direct ? (presence === 'offline' ? lastSeen(people.lastSeen(room.peer)) : presence) : this.#crowd(room);
    this.composer.input.placeholder = direct ? `Message ${title}` : `Message ${room.kind === 'public' ? '#' : ''}${title}`;
  }

  #crowd(room) {
    const { people } = this.store;
    const members = [...(room.members?.keys() ?? [])];
    const count = room.size ?? 0;
    if (count === 0) return room.kind === 'public' ? 'Public room' : 'Group';
    const online = room.onlineCount ?? members.filter((user) => user === this.store.me || people.status(user) === 'online').length;
    return `${count} member${count === 1 ? '' : 's'}, ${online} online`;
  }

  #typing(room) {
    const names = [...room.typing.keys()].map((user) => this.store.people.name(user));
    $('typing').hidden = names.length === 0;
    if (names.length === 0) return;
    $('typing-text').textContent = room.kind === 'direct' ? 'typing…'
      : names.length === 1 ? `${names[0]} is typing…`
      : names.length === 2 ? `${names[0]} and ${names[1]} are typing…` : `${names.length} people are typing…`;
  }

  #lastOwn() {
    return this.room?.inOrder().filter((message) => message.sender === this.store.me && !message.deleted && message.kind !== 'system').at(-1);
  }

  async #remove(message) {
    const { room } = this;
    if (!(await confirm({ title: 'Delete message?', text: 'It goes for everybody in this conversation.', action: 'Delete' }))) return;
    await this.store.client.delete(room.id, message.seq).catch((error) => toast(`Not deleted: ${error.message}`, 'error'));
  }

  #focusBack() {
    if (this.room && matchMedia('(hover: hover)').matches) this.composer.focus();
  }
}
