// Who is who, and who is here.

const AT_ONCE = 4;

export class People {
  /**
   * @param {import('./chat-rest.js').ChatRest} rest
   * @param {() => void} changed
   */
  constructor(rest, changed) {
    this.rest = rest;
    this.changed = changed;
    /** @type {Map<string, import('./chat-types.js').Profile>} */
    this.profiles = new Map();
    /** @type {Map<string, {status: string, last_seen?: string}>} */
    this.presence = new Map();
    this.waiting = new Set();
    this.running = 0;
  }

  /** What is known now; what is not known yet is asked for. @param {string} id */
  get(id) {
    const known = this.profiles.get(id);
    if (known) return known;
    if (id !== undefined && id !== null && !this.waiting.has(id)) {
      this.waiting.add(id);
      this.#ask();
    }
    return { id, unknown: true };
  }

  /** @param {string} id @returns {string} */
  name(id) {
    const profile = this.get(id);
    return profile.name || profile.username || (profile.unknown ? '…' : `user ${id}`);
  }

  /** What one types after an @. @param {string} id */
  handle(id) {
    const profile = this.get(id);
    return profile.username || (profile.name ?? '').replace(/\s+/g, '_') || String(id);
  }

  /** Known without asking (from a search). */
  learn(profile) {
    const before = this.profiles.get(profile.id);
    this.profiles.set(profile.id, { ...before, ...profile });
  }

  #ask() {
    for (const id of this.waiting) {
      if (this.running >= AT_ONCE) return;
      if (this.waiting.asked?.has(id)) continue;
      (this.waiting.asked ??= new Set()).add(id);
      this.running += 1;
      this.rest.user(id).then(
        (profile) => {
          this.learn({ ...profile, id });
          if (!this.presence.has(id) && profile.online !== undefined) this.seen({ user: id, status: profile.online ? 'online' : 'offline', last_seen: profile.last_seen });
        },
        () => this.learn({ id, name: `user ${id}` }),
      ).finally(() => {
        this.waiting.delete(id);
        this.waiting.asked.delete(id);
        this.running -= 1;
        this.changed();
        this.#ask();
      });
    }
  }

  /** @param {import('./chat-types.js').Presence} presence */
  seen({ user, status, last_seen }) {
    const before = this.presence.get(user);
    this.presence.set(user, { status, last_seen: last_seen ?? before?.last_seen });
  }

  /** @param {string} id @returns {"online"|"away"|"offline"} */
  status(id) {
    const status = this.presence.get(id)?.status;
    return status === 'online' || status === 'away' ? status : 'offline';
  }

  lastSeen(id) {
    return this.presence.get(id)?.last_seen ?? this.profiles.get(id)?.last_seen;
  }
}
