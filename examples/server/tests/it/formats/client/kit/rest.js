// Calls over HTTP, as a front end makes them: never redirected, and an error that can be read.

import { expect, is, Mismatch } from '/kit/check.js';
import { anyServer } from '/kit/servers.js';

/** @typedef {{status: number, body: any, headers: Headers}} Answer */

/**
 * @param {{token?: string}|null} user @param {string} method @param {string} path
 * @param {object|FormData|string} [body] an object goes as JSON, a text as it is
 * @param {Record<string, string>} [headers]
 * @returns {Promise<Answer>}
 */
export async function call(user, method, path, body, headers = {}) {
  const options = { method, redirect: 'error', credentials: 'include', headers: { ...headers } };
  if (user?.token) options.headers.Authorization = `Bearer ${user.token}`;
  if (body !== undefined) {
    const isRaw = typeof body === 'string' || body instanceof FormData || body instanceof Blob;
    options.body = isRaw ? body : JSON.stringify(body);
    if (!isRaw) options.headers['Content-Type'] ??= 'application/json';
  }
  const url = new URL(path, anyServer());
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    throw new Mismatch(`${method} ${path} cannot be read by this origin`, 'an answer', String(error));
  }
  const text = await response.text();
  const { status } = response;
  const isJson = /json/.test(response.headers.get('Content-Type') ?? '');
  const answer = { status, headers: response.headers, body: isJson && text ? JSON.parse(text) : text };
  if (status >= 400 && typeof answer.body.detail !== 'string') {
    throw new Mismatch(`${method} ${path}: an error says why`, { detail: '…' }, { status, body: answer.body });
  }
  return answer;
}

/** Makes a call that must be answered with this status. @param {number|number[]} status @returns {Promise<any>} the body */
export async function must(status, user, method, path, body, headers) {
  const answer = await call(user, method, path, body, headers);
  if (![status].flat().includes(answer.status)) {
    throw new Mismatch(`${method} ${path} ${JSON.stringify(body)}`, status, { status: answer.status, body: answer.body });
  }
  return answer.body;
}

/** The same path as it may be written too. */
export function otherwise(path) {
  const [place, query] = path.split('?');
  const other = place.endsWith('/') ? place.slice(0, -1) : `${place}/`;
  return query === undefined ? other : `${other}?${query}`;
}

/** What a page of messages has, by content. */
export const contents = (messages) => expect(messages, is.list, 'a plain array').map(({ content }) => content);
