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
import { cursorBytes, Cursors, DeafnessCheck, RoomsLeft } from './chat-cursors.js';
import { ChatError, closeAction } from './chat-error.js';
import { newClientId, Outbox, ReadPointers } from './chat-outbox.js';
import { ChatRest } from './chat-rest.js';
import { bytesOf, Sending, tooLarge } from './chat-sending.js';
import { Backoff, Heartbeat, Timers } from './chat-timing.js';
import { FreshToken } from './chat-token.js';

export { ChatError, newClientId };

/** @import { RoomId, Seq, UserId, WelcomeFrame, Draft, SendResult, ConnectionState, ClientOptions } from './chat-types.js' */

const HELLO_WITHIN = 15_000;
const STABLE_AFTER = 5_000;
const FLOOD_WAIT = 5_000;
const BYE_GRACE = 3_000;
const REQUEST_ATTEMPTS = 5;
const RENEW_AFTER = 2_000;
/** Rooms of one connection, until a welcome says. */
const ROOMS = 1_000;

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

  /** @param {ClientOptions} options */
  constructor(options) {
    super();
    const base = globalThis.location?.href;
    this.url = new URL(options.url, base).href.replace(/\/+$/, '');
    this.token = options.token ?? null;
    this.refreshToken = options.refreshToken;
    this.#fresh = new FreshToken(() => this.refreshToken?.());
    this.subscribeMode = options.subscribe ?? 'all';
    this.random = options.random ?? Math.random;
    this.clock = options.clock ?? {
      // Not the time of day: somebody may set that back.
      now: () => performance.now(),
      setTimeout: (...args) => setTimeout(...args),
      clearTimeout: (timer) => clearTimeout(timer),
    };
    this.#timers = new Timers(this.clock);
    this.WebSocket = options.WebSocket ?? globalThis.WebSocket;
    this.rest = new ChatRest({ url: this.url, token: () => this.token, fetch: options.fetch });
    this.cursors = new Cursors(options.position);
    this.backoff = new Backoff({ random: this.random });
    this.#renewals = new Backoff({ base: RENEW_AFTER, random: this.random });
    this.outbox = new Outbox({ ...options.outbox, random: this.random });
    this.#sending = new Sending(this.outbox, {
      now: () => this.clock.now(),
      nextId: () => this.#nextId++,
      write: (frame) => this.#write(frame),
      told: (change) => this.emit('outbox', change),
      changed: () => this.#advance(),
    });
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
  /** @type {Sending} */
  #sending;
  #reads = new ReadPointers();
  #heartbeat = new Heartbeat();
  #deafness = new DeafnessCheck();
  #mayHurry = false;
  /** What a wait ends with. @type {() => void} */
  #next = () => {};
  #byeWait = null;
  #resetTold = false;
  /** Rooms whose cursor did not fit into `hello`. @type {RoomId[]} */
  #left = [];
  #refreshed = false;
  /** @type {FreshToken} */
  #fresh;
  /** @type {Backoff} */
  #renewals;
  #presence = null;
  #connectWaiters = [];

  /** What to give a later client as `position`, so that it resumes where this one stood. */
  position() {
    return this.cursors.kept();
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
    if (this.state === 'waiting' && this.#mayHurry) this.#next();
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
      const isListed = this.subscribeMode === 'listed';
      const { said, left } = this.cursors.hello(cursorBytes(this.token), isListed ? this.limits.rooms ?? ROOMS : Infinity);
      this.#left = left;
      // The server subscribes them all the same: they start at their heads, as if new.
      if (!isListed) for (const room of left) this.cursors.rooms.delete(room);
      const hello = { type: 'hello', ...said, subscribe: this.subscribeMode };
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
    const isMended = code === 1009 && this.state === 'ready' && this.#dropLargest();
    this.#timers.clear();
    this.#disconnected();
    // Too long a hello without a token: the cookie, by which we would be known, is none any more.
    const isUnknown = code === 1009 && this.state === 'connecting' && !this.token;
    const action = isMended ? 'resume' : isUnknown ? 'refresh' : closeAction(code);
    if (action === 'stop') return this.#stop(code, reason);
    if (action === 'refresh') return this.#retryWithFreshToken(code, reason);
    const wait = this.backoff.next();
    // Asked to stay away for a while: neither luck nor a visible page shortens it.
    if (action === 'wait' || this.#byeWait !== null) this.#wait(this.#byeWait ?? FLOOD_WAIT + wait, false, () => this.#open(), { code, reason });
    else this.#wait(wait, true, () => this.#open(), { code, reason });
  }

  #wait(ms, mayHurry, next, about) {
    this.#mayHurry = mayHurry;
    this.#next = next;
    this.#timers.set('retry', ms, next);
    this.#setState('waiting', { retry_in_ms: ms, ...about });
  }

  /** We said something too large, and it can only be the largest of what has no answer: that fails, the rest goes on. @returns {boolean} whether there was any */
  #dropLargest() {
    const error = new ChatError({ code: 'too_large', message: 'too long for the server' });
    const said = this.#sending.out().map((item) => ({ frame: item.draft, drop: () => this.#sending.refuse(item.client_id, error) }));
    for (const [id, { frame, sent, reject }] of this.#pending) {
      if (sent && frame.type !== 'read') said.push({ frame, drop: () => this.#pending.delete(id) && reject(error) });
    }
    const largest = said.map((each) => ({ ...each, bytes: bytesOf(JSON.stringify(each.frame)) })).sort((a, b) => b.bytes - a.bytes)[0];
    largest?.drop();
    return largest !== undefined;
  }

  #disconnected() {
    this.#sending.disconnected();
    this.#reads.disconnected();
    for (const [id, entry] of this.#pending) if (entry.frame.type === 'read') this.#pending.delete(id);
    this.#deafness.reset();
    this.cursors.live.clear();
    for (const entry of this.#pending.values()) entry.sent = false;
  }

  async #retryWithFreshToken(code, reason) {
    this.#mayHurry = false;
    this.#setState('waiting', { code, reason });
    const { token, asked } = this.#refreshed ? { token: null, asked: true } : await this.#freshToken();
    if (this.state !== 'waiting') return;
    // Nobody said that there is none.
    if (!asked) return this.#wait(this.backoff.next(), true, () => this.#retryWithFreshToken(code, reason), { code, reason });
    if (!token) return this.#stop(code, reason || 'unauthorized');
    this.#refreshed = true;
    this.#open();
  }

  async #freshToken() {
    const answer = await this.#fresh.ask();
    if (answer.token) this.token = answer.token;
    return answer;
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
    this.#heartbeat = Heartbeat.of(frame.heartbeat_ms);
    this.#heartbeat.start(this.clock.now());
    this.#deafness.reset();
    if (reset && !this.#resetTold) {
      this.#reads.clear();
      this.emit('reset', {});
    }
    this.#resetTold = false;
    this.#setState('ready');
    for (const room_id of gone) this.#gone(room_id, 'gone');
    const isListed = this.subscribeMode === 'listed';
    for (const room_id of [...restarted, ...(isListed ? [] : this.#left)]) this.emit('room_reset', { room_id });
    this.emit('welcome', frame);
    for (const waiter of this.#connectWaiters.splice(0)) waiter.resolve(frame);
    if (this.#presence && this.#presence !== 'online') this.#write({ type: 'presence', status: this.#presence });
    for (const [id, entry] of this.#pending) this.#sendPending(id, entry);
    if (isListed && this.#left.length > 0) this.#subscribeLeft(this.#left);
    this.#advance();
  }

  /** What did not fit into `hello` is subscribed one by one, as far as there is place. @param {RoomId[]} left  the latest first */
  #subscribeLeft(left) {
    const socket = this.#socket;
    const place = Math.max(0, (this.limits.rooms ?? ROOMS) - this.cursors.live.size);
    for (const room_id of left.slice(place)) this.#gone(room_id, 'requested');
    new RoomsLeft(left.slice(0, place), {
      isCurrent: () => this.#socket === socket && this.state === 'ready',
      subscribe: (room) => this.subscribe(room),
      refused: (room_id, error) => {
        this.emit('error', error);
        this.#gone(room_id, error.code === 'too_large' ? 'requested' : 'gone');
      },
    }).run();
  }

  #onEvent(event) {
    switch (this.cursors.offer(event.room_id, event.seq)) {
      case 'repeat': return;
      case 'hole': return this.#resume(`a hole before ${event.seq} in room ${event.room_id}`);
    }
    if (event.type === 'message' && event.client_id && event.actor === this.user) {
      this.#sending.settle(event.client_id, { room_id: event.room_id, seq: event.seq, message: event.message, repeat: false });
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

  #onTokenExpiring(frame) {
    this.emit('token_expiring', frame);
    this.#renew();
  }

  async #renew() {
    const { token, asked } = await this.#freshToken();
    if (this.state !== 'ready') return;
    if (!asked) return this.#timers.set('renew', RENEW_AFTER + this.#renewals.next(), () => this.#renew());
    this.#renewals.reset();
    if (token) this.request({ type: 'auth', token }).catch((error) => this.emit('error', error));
  }

  #onBye(frame) {
    this.#byeWait = frame.reconnect_after_ms ?? this.backoff.next();
    if (frame.reason === 'reset') {
      this.cursors.clear(this.subscribeMode === 'listed');
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
    this.#timers.set('pump', next === Infinity ? null : next - now, () => this.#advance());
  }

  #beat() {
    switch (this.#heartbeat.tick(this.clock.now())) {
      case 'ping': return this.#ping();
      case 'dead': return this.#resume('the connection is dead');
      default: return this.#schedule();
    }
  }

  // --- commands -------------------------------------------------------------------------------

  /** @returns {ChatError|null} why it was not written */
  #write(frame) {
    const text = JSON.stringify(frame);
    const error = tooLarge(text, this.limits.frame_bytes);
    if (!error && this.#socket?.readyState === 1) this.#socket.send(text);
    return error;
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
    const error = this.#write({ ...entry.frame, id });
    if (error && this.#pending.delete(id)) entry.reject(error);
  }

  #answered(frame) {
    const entry = this.#pending.get(frame.id);
    if (!entry) return;
    this.#pending.delete(frame.id);
    entry.resolve(frame);
  }

  #onOk(frame) {
    if (!this.#sending.answered(frame)) this.#answered(frame);
  }

  #onError(frame) {
    const error = new ChatError(frame);
    if (this.#sending.failed(frame.id, error)) return;
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
    return this.#sending.send(draft);
  }

  /** Sends what may go out: messages and read pointers. */
  #pump() {
    if (this.state !== 'ready') return;
    this.#sending.pump();
    for (const { room_id, seq } of this.#reads.take(this.clock.now())) this.#sendRead(room_id, seq);
  }

  #advance() {
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
    if (this.#reads.want(room_id, seq)) this.#advance();
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
