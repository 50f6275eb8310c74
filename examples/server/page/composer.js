// Where messages are written: drafts, replies, edits, typing.

import { $, icon, toast } from './dom.js';
import { Drafts } from './drafts.js';
import { emojiPicker } from './emoji-picker.js';
import { watchDrops } from './file-drop.js';
import { MentionBox } from './mention-box.js';
import { wordsOf } from './message-words.js';
import { mentionedIn } from './text.js';
import { UploadTray } from './upload-tray.js';
import { Uploads } from './uploads.js';

const TYPING_EVERY = 3_000;
const TYPING_STOP = 4_000;

export class Composer {
  /**
   * @param {import('./store.js').Store} store
   * @param {{lastOwn: () => object|undefined, sent: () => void, toMessages: () => void, resized: () => void}} actions
   * @param {AbortSignal} signal
   */
  constructor(store, actions, signal) {
    this.store = store;
    this.actions = actions;
    this.input = $('composer-input');
    /** @type {import('./room-state.js').RoomState|null} */
    this.room = null;
    /** What is being done in each room. */
    this.drafts = new Drafts(store.me);
    /** Edits that were refused, by room and message: there when the message is edited again. @type {Map<string, string>} */
    this.refused = new Map();
    this.mode = null;
    this.message = null;
    this.mentions = new MentionBox(this.input, () => this.#candidates());
    /** When others were told that one writes. @type {number|null} */
    this.typedAt = null;
    const { client } = store;
    this.uploads = new Uploads({ rest: client.rest, limits: () => client.limits, changed: (id) => id === this.room?.id && this.#files() });
    this.tray = new UploadTray(this.uploads, (id) => client.rest.attachmentUrl(id));
    this.input.addEventListener('input', () => this.#onInput(), { signal });
    this.input.addEventListener('keydown', (event) => this.#onKey(event), { signal });
    this.input.addEventListener('blur', () => this.mentions.close(), { signal });
    $('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    }, { signal });
    $('composer-cancel').addEventListener('click', () => this.cancel(), { signal });
    $('composer-emoji').addEventListener('click', (event) => emojiPicker(event.currentTarget, (emoji) => {
      this.input.setRangeText(emoji, this.input.selectionStart, this.input.selectionEnd, 'end');
      this.#onInput();
      this.input.focus();
    }), { signal });
    $('composer-attach').addEventListener('click', () => $('composer-files').click(), { signal });
    $('composer-files').addEventListener('change', (event) => {
      this.#attach(event.target.files);
      // The same file may be chosen again.
      event.target.value = '';
    }, { signal });
    this.input.addEventListener('paste', (event) => {
      // Text that is copied from an office program comes with a picture of itself.
      const { files, types } = event.clipboardData;
      if (files.length === 0 || types.includes('text/plain')) return;
      event.preventDefault();
      this.#attach(files);
    }, { signal });
    watchDrops(() => this.room !== null && !document.querySelector('dialog[open]'), (files) => this.#attach(files), signal);
    addEventListener('pagehide', () => this.#keep(), { signal });
    document.addEventListener('visibilitychange', () => document.hidden && this.#keep(), { signal });
    signal.addEventListener('abort', () => {
      this.#keep();
      clearTimeout(this.typingTimer);
      this.uploads.close();
      this.tray.draw(undefined);
    });
  }

  /** @param {import('./room-state.js').RoomState|null} room */
  show(room) {
    if (room?.id === this.room?.id) {
      this.room = room;
      return;
    }
    this.#stopTyping();
    this.#keep();
    this.room = room;
    const draft = this.drafts.get(room?.id);
    this.mode = draft?.mode ?? null;
    this.message = draft?.message ?? null;
    this.before = draft?.before ?? '';
    this.#setText(draft?.text ?? '');
    this.#context();
    this.tray.draw(room?.id);
  }

  #keep() {
    if (this.room) this.drafts.set(this.room.id, { text: this.input.value, mode: this.mode, message: this.message, before: this.before ?? '' });
    this.drafts.keep();
  }

  /** What is written and not sent in a room that is not open. @param {number} room */
  draft(room) {
    const draft = this.drafts.get(room);
    const text = draft && draft.mode !== 'edit' ? draft.text.trim() : '';
    if (text) return text;
    const count = this.uploads.of(room).length;
    return count === 0 ? '' : count === 1 ? 'A file' : `${count} files`;
  }

  focus() {
    this.input.focus({ preventScroll: true });
  }

  // --- replies and edits ----------------------------------------------------------------------

  /** @param {object} message */
  reply(message) {
    if (this.mode === 'edit') this.cancel();
    this.mode = 'reply';
    this.message = message;
    this.#context();
    this.focus();
  }

  /** @param {object} message */
  edit(message) {
    if (this.mode !== 'edit') this.before = this.input.value;
    this.mode = 'edit';
    this.message = message;
    const key = `${this.room.id}/${message.seq}`;
    this.#setText(this.refused.get(key) ?? message.content);
    this.refused.delete(key);
    this.#context();
    this.focus();
  }

  cancel() {
    if (this.mode === 'edit') this.#setText(this.before);
    this.mode = null;
    this.message = null;
    this.#context();
    this.focus();
  }

  #context() {
    const { people, me } = this.store;
    $('composer-context').hidden = this.mode === null;
    $('composer-context').dataset.mode = this.mode ?? '';
    $('send').replaceChildren(icon(this.mode === 'edit' ? 'check' : 'send'));
    $('send').setAttribute('aria-label', this.mode === 'edit' ? 'Save' : 'Send');
    this.#ready();
    this.actions.resized();
    if (this.mode === null) return;
    const name = this.message.sender === me ? 'yourself' : people.name(this.message.sender);
    $('composer-context-icon').replaceChildren(icon(this.mode));
    $('composer-context-title').textContent = this.mode === 'edit' ? 'Edit message' : `Reply to ${name}`;
    $('composer-context-body').textContent = wordsOf(this.store, this.message).replace(/\s+/g, ' ');
  }

  // --- writing --------------------------------------------------------------------------------

  #setText(text) {
    this.input.value = text;
    this.input.setSelectionRange(text.length, text.length);
    this.mentions.close();
    this.#fit();
  }

  // --- files ----------------------------------------------------------------------------------

  /** @param {FileList} files */
  #attach(files) {
    if (!this.room) return;
    if (this.mode === 'edit') return toast('Files are added to new messages alone.', 'error');
    const refused = this.uploads.add(this.room.id, files);
    if (refused) toast(refused, 'error');
    this.focus();
  }

  #files() {
    this.tray.draw(this.room.id);
    this.#ready();
    this.actions.resized();
  }

  /** Whether there is something to send, and all of it. */
  #ready() {
    const text = this.input.value.trim() !== '';
    const files = this.room && this.mode !== 'edit' ? this.uploads.of(this.room.id) : [];
    $('composer-attach').disabled = this.mode === 'edit';
    $('send').disabled = !(text || files.length > 0) || !files.every((item) => item.state === 'done');
  }

  #fit() {
    this.#ready();
    const before = this.input.style.height;
    this.input.style.height = 'auto';
    this.input.style.height = `${this.input.scrollHeight}px`;
    this.input.style.overflowY = this.input.scrollHeight > 168 ? 'auto' : 'hidden';
    if (before !== this.input.style.height) this.actions.resized();
  }

  #onInput() {
    this.#fit();
    this.mentions.update();
    if (this.mode === 'edit') return;
    if (this.input.value.trim() === '') return this.#stopTyping();
    const now = performance.now();
    if (this.typedAt === null || now - this.typedAt > TYPING_EVERY) {
      this.typedAt = now;
      this.store.client.typing(this.room.id, true);
    }
    clearTimeout(this.typingTimer);
    this.typingTimer = setTimeout(() => this.#stopTyping(), TYPING_STOP);
  }

  #stopTyping() {
    clearTimeout(this.typingTimer);
    if (this.typedAt === null) return;
    this.typedAt = null;
    if (this.room) this.store.client.typing(this.room.id, false);
  }

  #onKey(event) {
    if (event.isComposing || this.mentions.onKey(event)) return;
    if (event.key === 'Enter' && !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === 'Escape' && this.mode !== null) {
      event.preventDefault();
      event.stopPropagation();
      this.cancel();
    } else if (event.key === 'ArrowUp' && this.input.value === '') {
      event.preventDefault();
      const own = this.mode === null ? this.actions.lastOwn() : undefined;
      if (own) this.edit(own);
      else this.actions.toMessages();
    }
  }

  #candidates() {
    const { people, me } = this.store;
    const ids = [...(this.room?.members?.keys() ?? [])].filter((id) => id !== me);
    return ids.map((id) => ({ id, name: people.name(id), handle: people.handle(id), presence: people.status(id) })).sort((a, b) => a.name.localeCompare(b.name));
  }

  #submit() {
    const content = this.input.value.trim();
    const { room, mode, message, store } = this;
    // Enter is pressed where the button is off, too.
    if (!room || $('send').disabled) return room && this.#explain();
    const most = store.client.limits.content_bytes;
    if (most && new TextEncoder().encode(content).length > most) return toast(`Too long: at most ${Math.floor(most / 1024)} KiB.`, 'error');
    const mentions = mentionedIn(content, this.#candidates());
    if (mode === 'edit') {
      this.#setText(this.before);
      this.mode = null;
      this.message = null;
      this.#context();
      if (content !== message.content) store.client.edit(room.id, message.seq, content, mentions).catch((error) => this.#notChanged(room, message, content, error));
      return;
    }
    if (store.client.outbox.isFull) return toast('Too many messages wait to be sent.', 'error');
    const attachments = this.uploads.take(room.id);
    store.send(room, { content, mentions, attachments, reply_to: mode === 'reply' ? message.seq : undefined });
    this.mode = null;
    this.message = null;
    this.#setText('');
    this.#context();
    this.typedAt = null;
    clearTimeout(this.typingTimer);
    this.drafts.delete(room.id);
    this.drafts.keep();
    this.actions.sent();
    this.focus();
  }

  /** Why nothing is sent, where one might wonder. */
  #explain() {
    const files = this.mode === 'edit' ? [] : this.uploads.of(this.room.id);
    if (files.some((item) => item.state === 'failed')) toast('A file was not uploaded: remove it, or try again.', 'error');
    else if (files.some((item) => item.state !== 'done')) toast('Files are still being uploaded.');
  }

  /** A refused edit goes back to where it was written, unless something else is being done there. */
  #notChanged(room, message, content, error) {
    toast(`Not changed: ${error.message}`, 'error');
    this.refused.set(`${room.id}/${message.seq}`, content);
    if (room.id === this.room?.id && this.mode === null) this.edit(message);
  }
}
