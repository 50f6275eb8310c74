// The HTTP side.

import { ChatError } from './chat-error.js';
import { newClientId } from './chat-outbox.js';

/** @import { Message, RoomId, Seq, UserId, Time, Room, Profile, RoomEvent } from './chat-types.js' */

/** The HTTP side. Every call answers with the decoded body or throws a ChatError. */
export class ChatRest {
  /** @param {{url: string, token: () => string|null, fetch?: typeof fetch}} options */
  constructor({ url, token, fetch: fetcher }) {
    this.url = url.replace(/\/+$/, '');
    this.token = token;
    this.fetch = fetcher ?? ((...args) => fetch(...args));
  }

  /**
   * @param {string} method
   * @param {string} path   below the mount
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async call(method, path, body) {
    const headers = { Accept: 'application/json' };
    const token = this.token();
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let response;
    try {
      response = await this.fetch(this.url + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw new ChatError({ code: 'offline', message: 'The server cannot be reached.', retryable: true });
    }
    const text = await response.text();
    let data;
    try {
      data = text ? JSON.parse(text) : undefined;
    } catch {
      data = undefined;
    }
    if (response.ok) return data;
    throw new ChatError({
      code: data?.code ?? (response.status === 401 ? 'unauthorized' : response.status >= 500 ? 'unavailable' : 'bad_request'),
      message: data?.message ?? data?.detail ?? data?.title ?? `The server answered ${response.status}.`,
      retryable: data?.retryable,
      retry_after_ms: data?.retry_after_ms,
      field: data?.field,
      status: response.status,
    });
  }

  /** @param {object} params */
  #query(params) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(params)) if (value !== undefined && value !== null) query.set(name, String(value));
    const text = query.toString();
    return text ? `?${text}` : '';
  }

  /** The own rooms, or with `public` (a search text, or "") open ones; `before` is `next` of the page before. @returns {Promise<{rooms: Room[], next?: string}>} */
  rooms({ public: open, before, limit } = {}) {
    return this.call('GET', `/rooms${this.#query({ public: open, before, limit })}`);
  }

  /** @param {{kind: "direct"|"group"|"public", name?: string, members?: UserId[], client_id?: string}} room @returns {Promise<Room>} */
  createRoom(room) {
    return this.call('POST', '/rooms', { client_id: newClientId(), members: [], ...room });
  }

  /** With members and pointers. @param {RoomId} id @returns {Promise<Room>} */
  room(id) {
    return this.call('GET', `/rooms/${id}`);
  }

  /** @param {RoomId} id @param {{name?: string, metadata?: object}} change */
  changeRoom(id, change) {
    return this.call('PATCH', `/rooms/${id}`, change);
  }

  /** @param {RoomId} id */
  deleteRoom(id) {
    return this.call('DELETE', `/rooms/${id}`);
  }

  /** @param {RoomId} id @param {UserId[]} users */
  addMembers(id, users) {
    return this.call('POST', `/rooms/${id}/members`, { users });
  }

  /** @param {RoomId} id @param {UserId} user @param {{role?: string, muted_until?: Time|null}} change */
  changeMember(id, user, change) {
    return this.call('PATCH', `/rooms/${id}/members/${encodeURIComponent(user)}`, change);
  }

  /** @param {RoomId} id @param {UserId|"me"} user */
  removeMember(id, user) {
    return this.call('DELETE', `/rooms/${id}/members/${encodeURIComponent(user)}`);
  }

  /** @param {RoomId} id a public room */
  join(id) {
    return this.call('POST', `/rooms/${id}/members/me`);
  }

  /** @param {RoomId} id */
  leave(id) {
    return this.removeMember(id, 'me');
  }

  /**
   * A page of the log itself, as on the socket: the way over a gap.
   * @param {RoomId} id
   * @param {{since: Seq, limit?: number, epoch?: string}} from
   * @returns {Promise<{events: RoomEvent[], head: Seq, epoch: string}>}
   */
  events(id, { since, limit, epoch }) {
    return this.call('GET', `/rooms/${id}/events${this.#query({ since, limit, epoch })}`);
  }

  /**
   * Messages by their words, newest first; `before` is `next` of the page before. A page may be empty and there be more.
   * @param {{q: string, room_id?: RoomId, sender?: UserId, before?: number, limit?: number}} search
   * @returns {Promise<{messages: Message[], more: boolean, next?: number}>}
   */
  search({ q, room_id, sender, before, limit }) {
    return this.call('GET', `/search${this.#query({ q, room_id, sender, before, limit })}`);
  }

  /** @param {UserId} id @returns {Promise<Profile>} */
  user(id) {
    return this.call('GET', `/users/${encodeURIComponent(id)}`);
  }

  /** @param {UserId} user */
  block(user) {
    return this.call('PUT', `/blocks/${encodeURIComponent(user)}`);
  }

  /** @param {UserId} user */
  unblock(user) {
    return this.call('DELETE', `/blocks/${encodeURIComponent(user)}`);
  }
}
