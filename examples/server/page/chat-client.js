/**
 * The protocol client, without any dependency, for any page (or Node 22 and later): the modules `chat-*.js`.
 *
 *   import { ChatClient } from './chat-client.js';
 *   const chat = new ChatClient({ url: '/api/v1', token, refreshToken: async () => fetchToken() });
 *   chat.on('welcome', ({ rooms }) => showRooms(rooms));
 *   chat.on('event', (event) => apply(event));            // each event once, in order, per room
 *   chat.on('gap', ({ room_id }) => reload(room_id));     // too far behind: read the history again
 *   chat.on('reset', () => forgetEverything());           // the server's data went back: start over
 *   await chat.connect();
 *   const { messages, as_of } = await chat.history(7, { limit: 50 });
 *   await chat.send({ room_id: 7, content: 'hello' });    // kept, ordered and repeated until answered
 *
 * What it does for you: says hello with a cursor per room and so resumes where it was after every
 * reconnect; drops repeats and notices holes; notices a dead or deaf connection; backs off; obeys
 * close codes; keeps an outbox whose messages are stored once however often they are sent.
 *
 * What is left to you: apply an event only to what is older than it. An answer of `history` is the
 * state at `as_of`; events up to `as_of` are already in it.
 */

import { ChatCommands } from './chat-commands.js';
import { cursorBytes, Cursors, DeafnessCheck } from './chat-cursors.js';
import { ChatError, closeAction } from './chat-error.js';
import { newClientId, Outbox, ReadPointers } from './chat-outbox.js';
import { ChatRest } from './chat-rest.js';
import { Backoff, Heartbeat, Timers } from './chat-timing.js';

export { ChatError, newClientId };

/** @import { RoomId, Seq, UserId, WelcomeFrame, Draft, SendResult, ConnectionState } from './chat-types.js' */

const HELLO_WITHIN = 15_000;
const STABLE_AFTER = 5_000;
const FLOOD_WAIT = 5_000;
const BYE_GRACE = 3_000;
const REQUEST_ATTEMPTS = 5;

/**
 * One user's connection to the engine.
 *
 * Told through `on(name, listener)`:
 * `state` {state, retry_in_ms?, code?} · `welcome` WelcomeFrame · `reset` {} (drop all that is held) ·
 * `event` RoomEvent · `gap` GapFrame · `room_reset` {room_id} (drop what is held of the room) ·
 * `room_added` · `unsubscribed` · `typing` · `receipt` · `presence` · `unread` · `blocked` · `read` {room_id, read, unread, mentions} ·
 * `outbox` {client_id, draft, state: "queued"|"sending"|"retrying"|"sent"|"failed", result?, error?} ·
 * `error` ChatError (one that answers nothing) · `token_expiring` · `bye`.
 */
export class ChatClient extends ChatCommands {
  /**
   * @param {object} options
   * @param {string} options.url            the engine's mount, "/api/v1" or absolute
   * @param {string} [options.token]        absent: the upgrade carries a cookie
   * @param {() => Promise<string|null|undefined>} [options.refreshToken]  a fresh token of the same user
   * @param {"all"|"listed"} [options.subscribe]
   * @param {{epoch: string, rooms: Object<string, Seq|null>}} [options.position]  of an earlier `client.position()`
   * @param {{storage: Storage, key: string}} [options.outbox]  keeps unsent messages; a key for each user
   * @param {typeof WebSocket} [options.WebSocket]
   * @param {{now: () => number, setTimeout: Function, clearTimeout: Function}} [options.clock]
   * @param {() => number} [options.random]
   * @param {EventTarget|null} [options.events]     where `online` is fired (window)
   * @param {EventTarget|null} [options.visibility] where `visibilitychange` is fired (document)
   * @param {typeof fetch} [options.fetch]
   */
  constructor(options) {
    super();
    const base = globalThis.location?.href;
    this.url = new URL(options.url, base).href.replace(/\/+$/, '');
    this.token = options.token ?? null;
    this.refreshToken = options.refreshToken;
    this.subscribeMode = options.subscribe ?? 'all';
    this.random = options.random ?? Math.random;
    this.clock = options.clock ?? {
      now: () => Date.now(),
      setTimeout: (...args) => setTimeout(...args),
      clearTimeout: (timer) => clearTimeout(timer),
    };
    this.#timers = new Timers(this.clock);
    this.WebSocket = options.WebSocket ?? globalThis.WebSocket;
    this.rest = new ChatRest({ url: this.url, token: () => this.token, fetch: options.fetch });
    this.cursors = new Cursors(options.position);
    this.backoff = new Backoff({ random: this.random });
    this.outbox = new Outbox({ ...options.outbox, random: this.random });
    /** @type {ConnectionState} */
    this.state = 'idle';
    /** @type {UserId|null} */
    this.user = null;
    /** @type {object} */
    this.limits = {};

    this.#events = options.events === undefined ? globalThis.window ?? null : options.events;
    this.#visibility = options.visibility === undefined ? globalThis.document ?? null : options.visibility;
  }

  #events;
  #visibility;
  #socket = null;
  /** @type {Timers} */
  #timers;
  #nextId = 1;
  /** Commands without an answer. @type {Map<number, {frame: object, resolve: Function, reject: Function, attempts: number, sent: boolean}>} */
  #pending = new Map();
  /** client_id of the messages that are out, by frame id. @type {Map<number, string>} */
  #sends = new Map();
  /** @type {Map<string, {resolve: Function, reject: Function}>} */
  #sendWaiters = new Map();
  #reads = new ReadPointers();
  #heartbeat = new Heartbeat();
  #deafness = new DeafnessCheck();
  #mayHurry = false;
  #byeWait = null;
  #resetTold = false;
  /** Rooms whose cursor did not fit into `hello`. @type {Set<RoomId>} */
  #forgotten = new Set();
  #refreshed = false;
  #refreshing = null;
  #presence = null;
  #connectWaiters = [];

  /** What to give a later client as `position`, so that it resumes where this one stood. */
  position() {
    return this.cursors.position();
  }

  /** @param {RoomId} room */
  isSubscribed(room) {
    return this.cursors.live.has(room);
  }

  // --- connecting -----------------------------------------------------------------------------

  /** Connects and stays connected. Resolves with the first welcome; rejects when the server wants no reconnect. @returns {Promise<WelcomeFrame>} */
  connect() {
    const first = new Promise((resolve, reject) => this.#connectWaiters.push({ resolve, reject }));
    if (this.state === 'idle' || this.state === 'closed') {
      this.#events?.addEventListener('online', this.#hurry);
      this.#visibility?.addEventListener('visibilitychange', this.#onVisibility);
      this.#refreshed = false;
      this.#open();
    }
    return first;
  }

  /** Ends the connection for good. What is in the outbox stays there. */
  close() {
    this.#stop(1000, 'closed here');
  }

  /** Tries at once where a wait is under way, and tests a connection that seems to stand. */
  wake() {
    this.#hurry();
  }

  #hurry = () => {
    if (this.state === 'waiting' && this.#mayHurry) this.#open();
    else if (this.state === 'ready' && this.#heartbeat.pingedAt === null) this.#ping();
  };

  #onVisibility = () => {
    if (this.#visibility?.visibilityState !== 'hidden') this.#hurry();
  };

  #setState(state, more = {}) {
    this.state = state;
    this.emit('state', { state, ...more });
  }

  #open() {
    this.#timers.clear();
    this.#discardSocket();
    this.#byeWait = null;
    this.#setState('connecting', { attempt: this.backoff.attempt });
    if (this.state !== 'connecting') return; // a listener closed us
    const socket = new this.WebSocket(`${this.url.replace(/^http/, 'ws')}/ws`);
    this.#socket = socket;
    const mine = (action) => (event) => {
      if (this.#socket === socket) action(event);
    };
    socket.onopen = mine(() => {
      for (const room of this.cursors.trim(cursorBytes(this.token))) this.#forgotten.add(room);
      const hello = { type: 'hello', ...this.cursors.position(), subscribe: this.subscribeMode };
      if (this.token) hello.token = this.token;
      socket.send(JSON.stringify(hello));
    });
    socket.onmessage = mine((event) => this.#onText(event.data));
    socket.onclose = mine((event) => this.#onClose(event.code || 1006, event.reason));
    this.#timers.set('hello', HELLO_WITHIN, () => this.#resume('no welcome'));
  }

  #discardSocket() {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close(1000);
    } catch {
      // Already gone.
    }
  }

  /** Leaves this connection and comes back with the cursors. */
  #resume(reason) {
    this.#discardSocket();
    this.#onClose(1006, reason);
  }

  #onClose(code, reason) {
    this.#discardSocket();
    this.#timers.clear();
    this.#disconnected();
    // Too long a hello without a token: the cookie, by which we would be known, is none any more.
    const isUnknown = code === 1009 && this.state === 'connecting' && !this.token;
    const action = isUnknown ? 'refresh' : closeAction(code);
    if (action === 'stop') return this.#stop(code, reason);
    if (action === 'refresh') return this.#retryWithFreshToken(code, reason);
    let wait = this.backoff.next();
    this.#mayHurry = true;
    if (action === 'wait' || this.#byeWait !== null) {
      // Asked to stay away for a while: neither luck nor a visible page shortens it.
      this.#mayHurry = false;
      wait = this.#byeWait ?? FLOOD_WAIT + wait;
    }
    this.#timers.set('retry', wait, () => this.#open());
    this.#setState('waiting', { retry_in_ms: wait, code, reason });
  }

  #disconnected() {
    this.outbox.disconnected();
    this.#sends.clear();
    this.#reads.disconnected();
    for (const [id, entry] of this.#pending) if (entry.frame.type === 'read') this.#pending.delete(id);
    this.#deafness.reset();
    this.cursors.live.clear();
    for (const entry of this.#pending.values()) entry.sent = false;
  }

  async #retryWithFreshToken(code, reason) {
    this.#mayHurry = false;
    this.#setState('waiting', { code, reason });
    const token = this.#refreshed ? null : await this.#freshToken();
    if (this.state !== 'waiting') return;
    if (!token) return this.#stop(code, reason || 'unauthorized');
    this.#refreshed = true;
    this.#open();
  }

  #freshToken() {
    this.#refreshing ??= (async () => {
      try {
        const token = await this.refreshToken?.();
        if (token) this.token = token;
        return token ?? null;
      } catch {
        return null;
      } finally {
        this.#refreshing = null;
      }
    })();
    return this.#refreshing;
  }

  #stop(code, reason) {
    this.#timers.clear();
    this.#discardSocket();
    this.#disconnected();
    this.#events?.removeEventListener('online', this.#hurry);
    this.#visibility?.removeEventListener('visibilitychange', this.#onVisibility);
    const error = new ChatError({ code: closeAction(code) === 'refresh' ? 'unauthorized' : 'closed', message: reason || `closed with ${code}` });
    for (const entry of this.#pending.values()) entry.reject(error);
    this.#pending.clear();
    for (const waiter of this.#connectWaiters.splice(0)) waiter.reject(error);
    this.#setState('closed', { code, reason });
  }

  // --- what arrives ---------------------------------------------------------------------------

  #onText(text) {
    this.#heartbeat.inbound(this.clock.now());
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return this.#resume('a frame that is no JSON');
    }
    // After a reset nothing of the old log counts, however much of it was under way.
    if (this.#resetTold && frame.type !== 'welcome') return;
    switch (frame.type) {
      case 'welcome': return this.#onWelcome(frame);
      case 'ok': return this.#onOk(frame);
      case 'error': return this.#onError(frame);
      case 'subscribed': return this.#onSubscribed(frame);
      case 'pong': return this.#onPong(frame);
      case 'gap': return this.#onGap(frame);
      case 'room_added': return this.#onRoomAdded(frame);
      case 'unsubscribed': return this.#onUnsubscribed(frame);
      case 'token_expiring': return this.#onTokenExpiring(frame);
      case 'bye': return this.#onBye(frame);
      case 'typing':
      case 'receipt':
      case 'presence':
      case 'unread':
      case 'blocked': return this.emit(frame.type, frame);
      default:
        // Anything else with a place in a log is an event, also of a type made after this client.
        if (Number.isSafeInteger(frame.room_id) && Number.isSafeInteger(frame.seq)) this.#onEvent(frame);
    }
  }

  #onWelcome(frame) {
    this.#timers.set('hello', null);
    this.user = typeof frame.user === 'object' && frame.user ? frame.user.id : frame.user;
    this.limits = frame.limits ?? {};
    const { reset, gone, restarted } = this.cursors.welcome(frame);
    // Only a connection that lasts proves that the server is well, and the token with it.
    this.#timers.set('stable', STABLE_AFTER, () => {
      this.backoff.reset();
      this.#refreshed = false;
    });
    this.#heartbeat.start(this.clock.now());
    this.#deafness.reset();
    if (reset && !this.#resetTold) {
      this.#reads.clear();
      this.emit('reset', {});
    }
    this.#resetTold = false;
    this.#setState('ready');
    for (const room_id of gone) this.#gone(room_id, 'gone');
    for (const room_id of [...restarted, ...this.#forgotten]) this.emit('room_reset', { room_id });
    this.#forgotten.clear();
    this.emit('welcome', frame);
    for (const waiter of this.#connectWaiters.splice(0)) waiter.resolve(frame);
    if (this.#presence && this.#presence !== 'online') this.#write({ type: 'presence', status: this.#presence });
    for (const [id, entry] of this.#pending) this.#sendPending(id, entry);
    this.#pump();
    this.#schedule();
  }

  #onEvent(event) {
    switch (this.cursors.offer(event.room_id, event.seq)) {
      case 'repeat': return;
      case 'hole': return this.#resume(`a hole before ${event.seq} in room ${event.room_id}`);
    }
    if (event.type === 'message' && event.client_id && event.actor === this.user) {
      this.#settle(event.client_id, { room_id: event.room_id, seq: event.seq, message: event.message, repeat: false });
    }
    this.emit('event', event);
  }

  #onGap(frame) {
    switch (this.cursors.skip(frame.room_id, frame.from, frame.to)) {
      case 'repeat': return;
      case 'hole': return this.#resume(`a hole before the gap in room ${frame.room_id}`);
    }
    this.emit('gap', frame);
  }

  #onRoomAdded(frame) {
    if (this.subscribeMode === 'all') {
      // Events may have been faster than the description; then the cursor knows better than its head.
      if (this.cursors.at(frame.room.id) === null) this.cursors.start(frame.room.id, frame.room.head);
      else this.cursors.live.add(frame.room.id);
    }
    this.emit('room_added', frame);
  }

  #onUnsubscribed(frame) {
    this.#gone(frame.room_id, frame.reason);
  }

  #gone(room_id, reason) {
    if (reason === 'requested') this.cursors.live.delete(room_id);
    else this.cursors.drop(room_id);
    this.#reads.drop(room_id);
    this.emit('unsubscribed', { type: 'unsubscribed', room_id, reason });
  }

  #onSubscribed(frame) {
    if (this.cursors.start(frame.room_id, frame.head)) this.emit('room_reset', { room_id: frame.room_id });
    this.#answered(frame);
  }

  #onPong(frame) {
    this.#heartbeat.pong();
    const behind = this.#deafness.pong(frame.heads, this.cursors);
    if (behind.length > 0) return this.#resume(`nothing arrives in room ${behind[0]}`);
    this.#schedule();
  }

  async #onTokenExpiring(frame) {
    this.emit('token_expiring', frame);
    const token = await this.#freshToken();
    if (token && this.state === 'ready') this.request({ type: 'auth', token }).catch((error) => this.emit('error', error));
  }

  #onBye(frame) {
    this.#byeWait = frame.reconnect_after_ms ?? this.backoff.next();
    if (frame.reason === 'reset') {
      this.cursors.clear();
      this.#reads.clear();
      this.#resetTold = true;
      this.emit('reset', {});
    }
    this.emit('bye', frame);
    // The server closes with a code that says more; a server that forgets to is left.
    this.#timers.set('bye', BYE_GRACE, () => this.#resume('bye'));
  }

  // --- heartbeat ------------------------------------------------------------------------------

  #ping() {
    this.#heartbeat.pinged(this.clock.now());
    this.#write({ type: 'ping', id: this.#nextId++ });
    this.#schedule();
  }

  /** One timer for everything that waits for time on a standing connection. */
  #schedule() {
    if (this.state !== 'ready') return;
    const now = this.clock.now();
    this.#timers.set('beat', this.#heartbeat.nextAt() - now, () => this.#beat());
    const next = Math.min(this.outbox.nextAt(), this.#reads.nextAt());
    this.#timers.set('pump', next === Infinity ? null : next - now, () => {
      this.#pump();
      this.#schedule();
    });
  }

  #beat() {
    switch (this.#heartbeat.tick(this.clock.now())) {
      case 'ping': return this.#ping();
      case 'dead': return this.#resume('the connection is dead');
      default: return this.#schedule();
    }
  }

  // --- commands -------------------------------------------------------------------------------

  #write(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  /**
   * Sends a command and waits for its answer. Waits for a connection where there is none, and is
   * sent again where the connection ends before the answer: every command may be repeated.
   * @param {object} frame without `id`
   * @returns {Promise<any>} the answering frame
   */
  request(frame) {
    if (this.state === 'closed') return Promise.reject(new ChatError({ code: 'closed', message: 'not connected' }));
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const entry = { frame, resolve, reject, attempts: 0, sent: false };
      this.#pending.set(id, entry);
      if (this.state === 'ready') this.#sendPending(id, entry);
    });
  }

  #sendPending(id, entry) {
    if (entry.sent) return;
    entry.sent = true;
    entry.attempts += 1;
    this.#write({ ...entry.frame, id });
  }

  #answered(frame) {
    const entry = this.#pending.get(frame.id);
    if (!entry) return;
    this.#pending.delete(frame.id);
    entry.resolve(frame);
  }

  #onOk(frame) {
    const clientId = this.#sends.get(frame.id);
    if (clientId === undefined) return this.#answered(frame);
    this.#sends.delete(frame.id);
    this.#settle(clientId, { room_id: frame.room_id, seq: frame.seq, message: frame.message, repeat: frame.repeat === true });
  }

  #onError(frame) {
    const error = new ChatError(frame);
    const clientId = this.#sends.get(frame.id);
    if (clientId !== undefined) {
      this.#sends.delete(frame.id);
      this.#sendRefused(clientId, error);
      return;
    }
    const entry = this.#pending.get(frame.id);
    if (!entry) return this.emit('error', error);
    if (!error.retryable || entry.attempts >= REQUEST_ATTEMPTS) {
      this.#pending.delete(frame.id);
      entry.reject(error);
      return;
    }
    const wait = error.retry_after_ms ?? Math.floor(this.random() * 500 * 2 ** entry.attempts);
    this.#timers.set(`again ${frame.id}`, wait, () => {
      entry.sent = false;
      if (this.#pending.has(frame.id)) this.#sendPending(frame.id, entry);
    });
  }

  // --- sending messages -----------------------------------------------------------------------

  /**
   * Puts a message into the outbox, from where it goes out in the order of its room, once
   * connected, under one `client_id`, until it is stored or refused.
   * @param {Draft} draft
   * @returns {Promise<SendResult>} rejects with the refusal
   */
  send(draft) {
    const whole = { ...draft, client_id: draft.client_id ?? newClientId() };
    return new Promise((resolve, reject) => {
      const item = this.outbox.add(whole, this.clock.now());
      this.#sendWaiters.set(item.client_id, { resolve, reject });
      this.emit('outbox', { client_id: item.client_id, draft: whole, state: 'queued' });
      this.#pump();
      this.#schedule();
    });
  }

  /** Sends what may go out: messages and read pointers. */
  #pump() {
    if (this.state !== 'ready') return;
    const now = this.clock.now();
    for (const item of this.outbox.take(now)) {
      const id = this.#nextId++;
      this.#sends.set(id, item.client_id);
      this.#write({ type: 'send', id, ...item.draft });
      this.emit('outbox', { client_id: item.client_id, draft: item.draft, state: 'sending' });
    }
    for (const { room_id, seq } of this.#reads.take(now)) this.#sendRead(room_id, seq);
  }

  #settle(clientId, result) {
    const item = this.outbox.remove(clientId);
    if (!item) return;
    this.emit('outbox', { client_id: clientId, draft: item.draft, state: 'sent', result });
    this.#sendWaiters.get(clientId)?.resolve(result);
    this.#sendWaiters.delete(clientId);
    this.#pump();
    this.#schedule();
  }

  #sendRefused(clientId, error) {
    const item = this.outbox.get(clientId);
    const verdict = this.outbox.refused(clientId, error, this.clock.now());
    if (verdict === 'unknown') return;
    this.emit('outbox', { client_id: clientId, draft: item.draft, state: verdict === 'failed' ? 'failed' : 'retrying', error });
    if (verdict === 'failed') {
      this.#sendWaiters.get(clientId)?.reject(error);
      this.#sendWaiters.delete(clientId);
    }
    this.#pump();
    this.#schedule();
  }

  // --- everything else ------------------------------------------------------------------------

  /** Now or never: nothing is kept for later. @param {RoomId} room_id @param {boolean} is_typing */
  typing(room_id, is_typing) {
    if (this.state === 'ready') this.#write({ type: 'typing', room_id, is_typing });
  }

  /** Read up to `seq`; the answer is told as `read`. @param {RoomId} room_id @param {Seq} seq */
  read(room_id, seq) {
    if (!this.#reads.want(room_id, seq)) return;
    this.#pump();
    this.#schedule();
  }

  #sendRead(room_id, seq) {
    const id = this.#nextId++;
    const entry = {
      frame: { type: 'read', room_id, seq },
      resolve: (answer) => {
        this.#reads.answered(room_id, seq);
        this.emit('read', { room_id, read: answer.read, unread: answer.unread, mentions: answer.mentions });
      },
      reject: () => {},
      attempts: 0,
      sent: false,
    };
    this.#pending.set(id, entry);
    this.#sendPending(id, entry);
  }

  /** @param {"online"|"away"|"invisible"} status */
  presence(status) {
    this.#presence = status;
    if (this.state === 'ready') this.#write({ type: 'presence', status });
  }

  /** A token got elsewhere, for now and for later connections. @param {string} token */
  auth(token) {
    this.token = token;
    return this.state === 'ready' ? this.request({ type: 'auth', token }) : Promise.resolve();
  }
}
