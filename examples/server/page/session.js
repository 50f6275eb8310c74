// Who is signed in, in this tab, and the demo accounts of the server.

const KEY = 'chat.session';
const KNOWN = 'chat.known';

/** @typedef {{token: string, user: string, name: string}} Session */

/** @returns {Session|null} */
export function currentSession() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export function endSession() {
  sessionStorage.removeItem(KEY);
}

/** Whether somebody has signed in with this browser before. */
export const wasHere = () => localStorage.getItem(KNOWN) !== null;

/**
 * @param {"signup"|"login"} way
 * @param {string} username
 * @param {string} password
 * @returns {Promise<Session>} throws an Error whose message can be shown
 */
export async function enter(way, username, password) {
  let response;
  try {
    response = await fetch(`/auth/${way}/`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ username, password }),
    });
  } catch {
    throw new Error('The server cannot be reached.');
  }
  const data = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(refusal(way, response.status, data));
  const session = { token: data.token, user: String(data.user_id), name: username };
  sessionStorage.setItem(KEY, JSON.stringify(session));
  localStorage.setItem(KNOWN, '1');
  return session;
}

function refusal(way, status, data) {
  if (status === 401) return 'Wrong name or password.';
  if (status === 409) return 'This name is taken. Try another one, or sign in.';
  if (status === 404) return `This server has no demo accounts to ${way === 'login' ? 'sign in to' : 'create'}.`;
  if (status === 429) return 'Too many at once. Try again in a moment.';
  const text = data.detail ?? data.message ?? `The server answered ${status}.`;
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

/**
 * People whose name starts with `prefix`.
 * @param {string} token
 * @param {string} prefix
 * @returns {Promise<{id: string, username: string}[]>}
 */
export async function findPeople(token, prefix) {
  const response = await fetch(`/auth/users/?q=${encodeURIComponent(prefix)}`, { headers: { Authorization: `Bearer ${token}`, Accept: 'application/json' } });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return (await response.json()).map(({ id, username }) => ({ id: String(id), username }));
}
