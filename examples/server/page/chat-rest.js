// The HTTP side.

import { ChatError } from './chat-error.js';
import { newClientId } from './chat-outbox.js';

/** @import { Attachment, Ban, Message, MessageVersion, Presence, Report, RoomId, Seq, UserId, Time, Room, Profile, RoomEvent } from './chat-types.js' */

const offline = () => new ChatError({ code: 'offline', message: 'The server cannot be reached.', retryable: true });

/**
 * What an answer says: the decoded body, or why not.
 * @param {number} status
 * @param {string} text
 */
function decoded(status, text) {
  let data;
  try {
    data = text ? JSON.parse(text) : undefined;
  } catch {
    data = undefined;
  }
  if (status >= 200 && status < 300) return data;
  throw new ChatError({
    code: data?.code ?? (status === 401 ? 'unauthorized' : status === 413 ? 'too_large' : status >= 500 ? 'unavailable' : 'bad_request'),
    message: data?.message ?? data?.detail ?? data?.title ?? `The server answered ${status}.`,
    retryable: data?.retryable,
    retry_after_ms: data?.retry_after_ms,
    field: data?.field,
    status,
  });
}

/** The HTTP side. Every call answers with the decoded body or throws a ChatError. */
export class ChatRest {
  /** @param {{url: string, token: () => string|null, fetch?: typeof fetch, XMLHttpRequest?: typeof XMLHttpRequest}} options */
  constructor({ url, token, fetch: fetcher, XMLHttpRequest: Request }) {
    this.url = url.replace(/\/+$/, '');
    this.token = token;
    this.fetch = fetcher ?? ((...args) => fetch(...args));
    this.XMLHttpRequest = Request ?? globalThis.XMLHttpRequest;
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
      throw offline();
    }
    return decoded(response.status, await response.text());
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

  /** Who is kept out, for moderators. @param {RoomId} id @returns {Promise<{bans: Ban[]}>} */
  bans(id) {
    return this.call('GET', `/rooms/${id}/bans`);
  }

  /** Lets somebody in again. @param {RoomId} id @param {UserId} user */
  liftBan(id, user) {
    return this.call('DELETE', `/rooms/${id}/bans/${encodeURIComponent(user)}`);
  }

  /** What a message said before its edits, oldest first. @param {RoomId} id @param {Seq} seq @returns {Promise<{versions: MessageVersion[]}>} */
  versions(id, seq) {
    return this.call('GET', `/rooms/${id}/messages/${seq}/versions`);
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

  /** Who is there, of those with whom one shares a room; the others are left out. @param {UserId[]} users @returns {Promise<{presence: Presence[]}>} */
  presence(users) {
    return this.call('GET', `/presence${this.#query({ users: users.join(',') })}`);
  }

  /**
   * Stores a file, to be sent by its `id` in `attachments` of a message, once, within a day. Told as it goes; fetch cannot tell that.
   * @param {File} file
   * @param {{room_id?: RoomId, onProgress?: (sent: number, total: number) => void, signal?: AbortSignal}} [options]
   *   `room_id`: the only room that it may be sent in; `onProgress`: in bytes, of the whole request
   * @returns {Promise<Attachment>}  throws `aborted` where `signal` ended it
   */
  uploadAttachment(file, { room_id, onProgress, signal } = {}) {
    return new Promise((resolve, reject) => {
      const aborted = () => reject(new ChatError({ code: 'aborted', message: 'Cancelled.' }));
      if (signal?.aborted) return aborted();
      const form = new FormData();
      // The form is read as it comes: what there is to know of the file stands before it.
      if (room_id !== undefined) form.append('room_id', String(room_id));
      form.append('file', file, file.name);
      const request = new this.XMLHttpRequest();
      const stop = () => request.abort();
      signal?.addEventListener('abort', stop, { once: true });
      request.open('POST', `${this.url}/attachments`);
      request.setRequestHeader('Accept', 'application/json');
      const token = this.token();
      if (token) request.setRequestHeader('Authorization', `Bearer ${token}`);
      request.upload.onprogress = (event) => onProgress?.(event.loaded, event.total);
      request.onload = () => {
        try {
          resolve(decoded(request.status, request.responseText));
        } catch (error) {
          reject(error);
        }
      };
      request.onerror = () => reject(offline());
      request.onabort = aborted;
      request.onloadend = () => signal?.removeEventListener('abort', stop);
      request.send(form);
    });
  }

  /** Removes an own file that was not sent. @param {string} id */
  removeAttachment(id) {
    return this.call('DELETE', `/attachments/${encodeURIComponent(id)}`);
  }

  /** Where a file is. Tags open it by the cookie that every answer gives. @param {string} id */
  attachmentUrl(id) {
    return `${this.url}/attachments/${encodeURIComponent(id)}`;
  }

  /** Tells the moderators of a message, once. @param {{reason: string} & ({message_id: number} | {room_id: RoomId, seq: Seq})} report @returns {Promise<Report>} */
  report(report) {
    return this.call('POST', '/reports', report);
  }

  /**
   * For moderators, newest first; without `room_id` of all rooms that one moderates; `before` is `next` of the page before.
   * @param {{status?: Report["status"], room_id?: RoomId, before?: number, limit?: number}} [which]
   * @returns {Promise<{reports: Report[], next?: number}>}
   */
  reports({ status, room_id, before, limit } = {}) {
    return this.call('GET', `/reports${this.#query({ status, room_id, before, limit })}`);
  }

  /** @param {number} id @param {"reviewed"|"dismissed"} status @returns {Promise<Report>} */
  decideReport(id, status) {
    return this.call('PATCH', `/reports/${id}`, { status });
  }

  /** Whom one has blocked. @returns {Promise<{blocked: UserId[]}>} */
  blocks() {
    return this.call('GET', '/blocks');
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
