// A WebSocket that keeps what it hears until it is asked for.

import { expect, Mismatch } from '/kit/check.js';
import { anyServer } from '/kit/servers.js';

/** Without what is waited for, for so long, it does not come. */
const DEADLINE_MS = 10_000;

const open = new Set();

/** Closes what a check left open. */
export function closeAll() {
  for (const socket of open) socket.close();
  open.clear();
}

/** Connects and waits until it is open. @param {string} path @param {{token?: string}|null} user @param {string} [server] */
export async function connect(path, user, server = anyServer()) {
  const url = new URL(path, server.replace(/^http/, 'ws'));
  if (user?.token) url.searchParams.set('token', user.token);
  const socket = new Socket(url);
  await socket.opened;
  return socket;
}

export class Socket {
  #socket;
  #waiting = [];

  /** @param {URL} url */
  constructor(url) {
    /** Everything it heard. */
    this.heard = [];
    /** What nobody has asked for. */
    this.unread = [];
    /** How it ended, if it has. */
    this.end = null;
    this.#socket = new WebSocket(url);
    open.add(this);
    this.#socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    this.ended = new Promise((resolve) => {
      this.#socket.onclose = ({ code, wasClean }) => {
        this.end = { code, wasClean };
        for (const waiter of this.#waiting.splice(0)) waiter.reject(new Mismatch('closed instead', waiter.what, this.end));
        resolve(this.end);
      };
    });
    const opened = new Promise((resolve) => {
      this.#socket.onopen = resolve;
    });
    this.opened = before('opens', Promise.race([opened, this.ended])).then(() => {
      if (this.end) throw new Mismatch('never opened', 'an open socket', this.end);
    });
  }

  /** @param {object|string} frame a text goes as it is */
  say(frame) {
    if (this.end) throw new Mismatch('closed before it spoke', 'an open socket', this.end);
    this.#socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  close(code) {
    this.#socket.close(code);
  }

  /** The first frame that fits and was not taken yet. @param {(frame: any) => boolean} fits @param {any} what for the verdict */
  next(fits, what) {
    const at = this.unread.findIndex(fits);
    if (at >= 0) return Promise.resolve(this.unread.splice(at, 1)[0]);
    if (this.end) return Promise.reject(new Mismatch('closed instead', what, this.end));
    return new Promise((resolve, reject) => {
      const waiter = { fits, what, reject, resolve };
      this.#waiting.push(waiter);
      waiter.timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(new Mismatch('did not come', what, this.unread));
      }, DEADLINE_MS);
    });
  }

  /** The next frame of this one's type is this one. @param {object} frame @param {(frame: any) => boolean} [fits] */
  async hears(frame, fits = ({ type }) => type === frame.type) {
    return expect(await this.next(fits, frame), frame, 'a frame');
  }

  /** Whatever has come of this type is none. @param {string} type @param {(frame: any) => boolean} [fits] */
  heardNo(type, fits = () => true) {
    expect(this.unread.filter((frame) => frame.type === type && fits(frame)), [], `no ${type}`);
  }

  /** It is open, and then closed by the server with this code. @param {number} code */
  async ends(code) {
    const end = await before(`closes with ${code}`, this.ended);
    expect(end.code, code, 'close code');
    ok(this, end);
  }

  #hear(frame) {
    this.heard.push(frame);
    const at = this.#waiting.findIndex((waiter) => waiter.fits(frame));
    if (at < 0) {
      this.unread.push(frame);
      return;
    }
    const [waiter] = this.#waiting.splice(at, 1);
    clearTimeout(waiter.timer);
    waiter.resolve(frame);
  }
}

function ok(socket, end) {
  if (!end.wasClean) throw new Mismatch('an unclean end', 'a closing handshake', { ...end, heard: socket.heard });
}

/** Fails where it takes too long. @template T @param {string} what @param {Promise<T>} work @returns {Promise<T>} */
export function before(what, work, ms = DEADLINE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Mismatch('did not happen', what, null)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
