// People, and the tokens that say who they are: signed here, as the team's own back end would.

import { secret } from '/kit/servers.js';

const HOUR = 3600;
let last = 1000;

export const now = () => Math.floor(Date.now() / 1000);

const bytes = (text) => new TextEncoder().encode(text);
const base64 = (array) => btoa(String.fromCharCode(...array)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/** @param {object} claims @param {{secret?: string, header?: object}} [options] */
export async function sign(claims, { secret: by = secret, header = { alg: 'HS256', typ: 'JWT' } } = {}) {
  const body = [header, claims].map((part) => base64(bytes(JSON.stringify(part)))).join('.');
  const key = await crypto.subtle.importKey('raw', bytes(by), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes(body)));
  return `${body}.${base64(signature)}`;
}

/** What a token says. */
export function claimsOf(token) {
  return JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
}

/** Someone new. What is not claimed is as the contract has it where a claim is absent. */
export async function person(claims = {}) {
  last += 1;
  const all = { user_id: last, exp: now() + HOUR, ...claims };
  const id = all.user_id ?? all.sub;
  const full = [all.first_name, all.last_name].filter(Boolean).join(' ');
  return {
    id,
    name: all.name ?? (full || String(id)),
    username: all.username ?? String(id),
    email: all.email ?? '',
    role: all.role ?? 'user',
    avatar: all.avatar ?? null,
    token: await sign(all),
  };
}

/** Tokens that are none, each with what is wrong with it. @returns {Promise<[string, string][]>} */
export async function badTokens() {
  last += 1;
  const claims = { user_id: last, exp: now() + HOUR };
  const good = await sign(claims);
  const [head, , signature] = good.split('.');
  const other = base64(bytes(JSON.stringify({ ...claims, user_id: 1 })));
  return [
    ['no JWT', 'nonsense'],
    ['expired', await sign({ ...claims, exp: now() - HOUR })],
    ['signed by another', await sign(claims, { secret: 'another secret of more than thirty-two bytes' })],
    ['changed after signing', [head, other, signature].join('.')],
    ['signed by nobody', `${base64(bytes('{"alg":"none"}'))}.${good.split('.')[1]}.`],
    ['without a user', await sign({ exp: claims.exp })],
    ['of a user that is a fraction', await sign({ ...claims, user_id: 1.5 })],
  ];
}
