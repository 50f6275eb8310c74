// A few lines to write tests with, and the doubles of the socket and the clock.

import { ChatClient } from '/chat-client.js';

/** What has not ended by then waits for something that never comes. */
const PATIENCE_MS = 10_000;

const tests = [];
/** @type {{name: string, error?: Error}[]} */
export const results = [];

/** @param {string} name @param {() => void|Promise<void>} body */
export function test(name, body) {
  tests.push({ name, body });
}

export async function run() {
  for (const { name, body } of tests) {
    let timer;
    const tooLong = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('it does not end')), PATIENCE_MS);
    });
    try {
      await Promise.race([body(), tooLong]);
      results.push({ name });
    } catch (error) {
      results.push({ name, error });
    } finally {
      clearTimeout(timer);
    }
  }
}

export function ok(value, what = 'expected a truth') {
  if (!value) throw new Error(what);
}

/** Equal as JSON. */
export function equal(actual, expected, what = '') {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) throw new Error(`${what}\n  expected ${e}\n  got      ${a}`);
}

/** @param {Promise<any>} promise @returns {Promise<Error>} what it was refused with */
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('expected a refusal');
}

/** Lets everything that only waits for its turn go on. */
export async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** Time that moves only when it is told to. */
export class FakeClock {
  constructor() {
    this.time = 1_000_000;
    this.timers = new Map();
    this.ids = 0;
  }

  now() {
    return this.time;
  }

  setTimeout(action, ms) {
    this.ids += 1;
    this.timers.set(this.ids, { at: this.time + ms, action });
    return this.ids;
  }

  clearTimeout(id) {
    this.timers.delete(id);
  }

  /** Goes on by `ms`, doing on the way what is due, in order. @param {number} ms */
  async advance(ms) {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const due = [...this.timers].filter(([, timer]) => timer.at <= end).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
      if (!due) break;
      const [id, { at, action }] = due;
      this.timers.delete(id);
      this.time = Math.max(this.time, at);
      action();
      await settle();
    }
    this.time = end;
  }

  /** Time passes and nobody is called: a machine that slept. @param {number} ms */
  jump(ms) {
    this.time += ms;
  }
}

/** A client whose other side is the test. @param {object} [options] */
export function connected(options = {}) {
  const clock = new FakeClock();
  const sockets = [];
  class FakeSocket {
    constructor(url) {
      this.url = url;
      this.readyState = 0;
      /** What the client said. */
      this.said = [];
      sockets.push(this);
    }

    send(text) {
      this.said.push(JSON.parse(text));
    }

    close() {
      this.readyState = 3;
    }

    // What the server does.

    accept() {
      this.readyState = 1;
      this.onopen?.({});
    }

    tell(frame) {
      this.onmessage?.({ data: JSON.stringify(frame) });
    }

    drop(code, reason = '') {
      this.readyState = 3;
      this.onclose?.({ code, reason });
    }

    /** The last frame of a type that the client said. */
    last(type) {
      return this.said.findLast((frame) => frame.type === type);
    }

    all(type) {
      return this.said.filter((frame) => frame.type === type);
    }
  }
  const client = new ChatClient({ url: 'http://chat.test/api/v1', token: 'one', WebSocket: FakeSocket, clock, random: () => 0.5, events: null, visibility: null, ...options });
  const heard = [];
  for (const name of ['state', 'welcome', 'reset', 'event', 'gap', 'room_reset', 'room_added', 'unsubscribed', 'typing', 'receipt', 'presence', 'unread', 'read', 'outbox', 'error', 'bye']) {
    client.on(name, (detail) => heard.push({ name, detail }));
  }
  const socket = () => sockets.at(-1);
  return {
    client,
    clock,
    sockets,
    socket,
    /** What the page was told under a name. */
    heard: (name) => heard.filter((entry) => entry.name === name).map((entry) => entry.detail),
    /** The server takes the newest connection. */
    async welcome(more = {}) {
      socket().accept();
      socket().tell({ type: 'welcome', user: { id: '1', name: 'Ann' }, connection_id: 'c', epoch: 'e1', heartbeat_ms: 25_000, limits: {}, rooms: [], heads: { 7: 10 }, gone: [], blocked: [], presence: [], ...more });
      await settle();
    },
    async open(more) {
      client.connect().catch(() => {});
      await this.welcome(more);
      return this;
    },
    /** Waits for the next connection after a break. */
    async again(more) {
      const before = sockets.length;
      await clock.advance(60_000);
      ok(sockets.length > before, 'it came back');
      await this.welcome(more);
    },
  };
}

/** A message event. */
export const message = (seq, more = {}) => ({
  type: 'message', room_id: 7, seq, at: '2026-01-02T03:04:05.000Z', actor: '2', ...more,
  message: { id: seq, room_id: 7, seq, sender: more.actor ?? '2', kind: 'text', content: `text ${seq}`, at: '2026-01-02T03:04:05.000Z', version: 1, mentions: [], attachments: [], metadata: {}, ...more.message },
});
