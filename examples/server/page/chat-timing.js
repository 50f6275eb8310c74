// When to try again, when to ping, when to give up. Pure: told what time it is, it says what to do.

/** Exponential backoff with full jitter: each wait is anything from nothing to a doubling bound. */
export class Backoff {
  /** @param {{base?: number, cap?: number, random?: () => number}} [options] */
  constructor({ base = 250, cap = 20_000, random = Math.random } = {}) {
    this.base = base;
    this.cap = cap;
    this.random = random;
    this.attempt = 0;
  }

  /** @returns {number} milliseconds to wait before the next attempt */
  next() {
    const bound = Math.min(this.cap, this.base * 2 ** Math.min(this.attempt, 30));
    this.attempt += 1;
    return Math.floor(this.random() * bound);
  }

  reset() {
    this.attempt = 0;
  }
}

const USUAL_BEAT = 25_000;
/** A short one would call every slow network dead, a long one would notice nothing. */
const SHORTEST_BEAT = 5_000;
const LONGEST_BEAT = 120_000;

/** When to ping and when to give a connection up. A clock that jumped (sleep, throttled tab) accuses nobody. */
export class Heartbeat {
  /**
   * In the proportions that fit a server with this beat; one that names none has the usual.
   * @param {number} [every]  `welcome.heartbeat_ms`
   */
  static of(every) {
    const beat = Number.isFinite(every) && every > 0 ? Math.min(Math.max(every, SHORTEST_BEAT), LONGEST_BEAT) : USUAL_BEAT;
    return new Heartbeat({ pingEvery: beat * 0.8, pongWithin: beat * 0.6, silence: beat * 1.8 });
  }

  constructor({ pingEvery = 20_000, pongWithin = 15_000, silence = 45_000, lateness = 5_000 } = {}) {
    Object.assign(this, { pingEvery, pongWithin, silence, lateness });
    this.start(0);
  }

  /** @param {number} now */
  start(now) {
    this.lastInbound = now;
    this.pingAt = now + this.pingEvery;
    /** @type {number|null} */
    this.pingedAt = null;
  }

  /** Anything arrived. @param {number} now */
  inbound(now) {
    this.lastInbound = now;
  }

  /** @param {number} now */
  pinged(now) {
    this.pingedAt = now;
    this.pingAt = now + this.pingEvery;
  }

  pong() {
    this.pingedAt = null;
  }

  /** @returns {number} when `tick` has something to say, if nothing arrives before */
  nextAt() {
    const pongBy = this.pingedAt === null ? Infinity : Math.max(this.pingedAt, this.lastInbound) + this.pongWithin;
    return Math.min(this.pingAt, pongBy, this.lastInbound + this.silence);
  }

  /**
   * @param {number} now
   * @returns {"ping"|"dead"|null}
   */
  tick(now) {
    const due = this.nextAt();
    if (now < due) return null;
    if (now > due + this.lateness) {
      this.lastInbound = now;
      this.pingedAt = null;
      return 'ping';
    }
    return due === this.pingAt ? 'ping' : 'dead';
  }
}

/** Timers by name: setting one again replaces it. */
export class Timers {
  /** @param {{setTimeout: Function, clearTimeout: Function}} clock */
  constructor(clock) {
    this.clock = clock;
    this.running = new Map();
  }

  /** @param {string} name @param {number|null} ms  null: not any more @param {() => void} [action] */
  set(name, ms, action) {
    this.clock.clearTimeout(this.running.get(name));
    if (ms === null) this.running.delete(name);
    else this.running.set(name, this.clock.setTimeout(() => {
      this.running.delete(name);
      action();
    }, Math.min(Math.max(0, ms), 2 ** 31 - 1)));
  }

  clear() {
    for (const timer of this.running.values()) this.clock.clearTimeout(timer);
    this.running.clear();
  }
}
