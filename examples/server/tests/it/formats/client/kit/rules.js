// What the five formats have in common: tokens, close codes, origins, paths, and what becomes of bad input.

import { check, expect, Mismatch, ok } from '/kit/check.js';
import { badTokens, now, person, sign } from '/kit/people.js';
import { call, must, otherwise } from '/kit/rest.js';
import { anyServer } from '/kit/servers.js';
import { before, connect } from '/kit/socket.js';

const COOKIE = 'chat_token';

/** Does something with a cookie that carries a token. */
export async function withCookie(token, work) {
  await setCookie(`${COOKIE}=${token}; path=/`, token);
  try {
    return await work();
  } finally {
    await setCookie(`${COOKIE}=; path=/; max-age=0`, undefined);
  }
}

/** Sets it and waits until it counts: a browser may keep cookies in another process than the one that connects next. */
async function setCookie(cookie, value) {
  document.cookie = cookie;
  await before('the cookie is set', (async () => {
    while ((await cookieStore.get(COOKIE))?.value !== value);
  })());
}

/**
 * Who gets in by a socket, and who does not.
 * @param {(user: object) => Promise<string>} door the path of a socket that this user may open
 * @param {(socket: import('/kit/socket.js').Socket, path: string, user: object) => Promise<void>} alive fails where the socket does not work
 */
export function socketRules(door, alive) {
  check('a token in the query opens, with a slash at the end and without', async () => {
    const user = await person();
    const path = await door(user);
    for (const each of [path, otherwise(path)]) await alive(await connect(each, user), path, user);
  });

  check('a token in the cookie opens', async () => {
    const user = await person();
    const path = await door(user);
    const socket = await withCookie(user.token, () => connect(path, null));
    await alive(socket, path, user);
  });

  check('a user is claim user_id, a number or a text, else sub', async () => {
    const user = await person();
    const path = await door(user);
    const exp = now() + 3600;
    for (const claims of [{ user_id: String(user.id) }, { sub: String(user.id) }, { user_id: user.id, sub: 'someone' }]) {
      const token = await sign({ ...claims, exp });
      await alive(await connect(path, { token }), path, user);
    }
  });

  check('without a token it is accepted, then closed with 4401', async () => {
    const path = await door(await person());
    for (const each of [path, otherwise(path)]) await (await connect(each, null)).ends(4401);
  });

  check('with a bad token it is accepted, then closed with 4401', async () => {
    const path = await door(await person());
    for (const [what, token] of await badTokens()) {
      const socket = await connect(path, { token });
      await socket.ends(4401).catch((error) => {
        throw new Mismatch(`${what}: ${error.message}`, error.expected, error.seen);
      });
    }
  });

  check('a token that expires while it is open closes it with 4401', async () => {
    const user = await person({ exp: now() + 2 });
    // A room is made by a token that lasts.
    const path = await door({ ...user, token: await sign({ user_id: user.id, exp: now() + 3600 }) });
    const socket = await connect(path, user);
    await alive(socket, path, user);
    await socket.ends(4401);
  });

  check('the end that the client wishes is 1000', async () => {
    const user = await person();
    const path = await door(user);
    const socket = await connect(path, user);
    await alive(socket, path, user);
    socket.close(1000);
    await socket.ends(1000);
  });

  check('another origin gets nothing', async () => {
    const user = await person();
    const socket = new URL(await door(user), anyServer().replace(/^http/, 'ws'));
    socket.searchParams.set('token', user.token);
    const query = new URLSearchParams({ url: `${anyServer()}/api/v1/rooms`, socket, token: user.token });
    const frame = document.createElement('iframe');
    // The same pages by another name are another origin.
    frame.src = `http://localhost:${location.port}/refused.html?${query}`;
    const told = new Promise((resolve) => {
      window.addEventListener('message', ({ data }) => resolve(data), { once: true });
    });
    document.body.append(frame);
    const seen = await before('the frame tells', told);
    frame.remove();
    expect(seen, { simple: 'failed', preflighted: 'failed', socket: 1006 });
  });
}

/**
 * What the REST calls of a format have in common.
 * @param {() => Promise<{user: object, calls: [string, string, any?][], unknown: string, wrongMethods: [string, string][]}>} scene
 *   every call once, as this user may make it; a path below the format's own that is none; calls by another method
 */
export function restRules(scene) {
  check('every call without a valid token is 401', async () => {
    const { calls } = await scene();
    const tokens = [['none', undefined], ...(await badTokens())];
    for (const [method, path, body] of calls) await must(401, null, method, path, body);
    const [method, path, body] = calls[0];
    for (const [, token] of tokens) await must(401, { token }, method, path, body);
  });

  check('a token in the cookie is good for reading, and for writing from this origin', async () => {
    const { user, calls } = await scene();
    const read = calls.find(([method]) => method === 'GET');
    const write = calls.find(([method]) => method === 'POST');
    await withCookie(user.token, async () => {
      for (const [method, path, body] of [read, write]) {
        const { status } = await call(null, method, path, body);
        ok(status < 400, `${method} ${path} by cookie`, status);
      }
    });
  });

  check('every path is the same with and without a slash at the end', async () => {
    const first = await scene();
    const second = await scene();
    for (const [number, [method, path, body]] of first.calls.entries()) {
      const one = await call(first.user, method, path, body);
      const [, same, other] = second.calls[number];
      const two = await call(second.user, method, otherwise(same), other);
      expect(two.status, one.status, `${method} ${otherwise(same)}`);
      ok(one.status < 300, `${method} ${path}`, { status: one.status, body: one.body });
    }
  });

  check('what is no path or no method is said in JSON', async () => {
    const { user, unknown, wrongMethods } = await scene();
    for (const path of [unknown, otherwise(unknown)]) await must(404, user, 'GET', path);
    for (const [method, path] of wrongMethods) {
      for (const each of [path, otherwise(path)]) await must(405, user, method, each, method === 'GET' ? undefined : {});
    }
  });

  check('a body that is no JSON, or not said to be, is refused in JSON', async () => {
    const { user, calls } = await scene();
    for (const [method, path, body] of calls.filter(([, , body]) => body?.constructor === Object)) {
      const json = { 'Content-Type': 'application/json' };
      for (const text of ['{', '[]', '"text"', 'null', '']) {
        // A call whose body may be left out says nothing of an empty one.
        const { status } = await call(user, method, path, text, json);
        if (text !== '' || status >= 400) expect(status, 400, `${method} ${path} with ${JSON.stringify(text)}`);
      }
      const plain = await call(user, method, path, JSON.stringify(body), { 'Content-Type': 'text/plain' });
      ok([400, 415].includes(plain.status), `${method} ${path} as text/plain`, plain.status);
    }
  });
}

/**
 * Bad calls, each refused as it should be.
 * @param {object} user @param {[string, number|number[], string, string, any?][]} table what, status, method, path, body
 */
export async function refuses(user, table) {
  for (const [what, status, method, path, body] of table) {
    const headers = typeof body === 'string' ? { 'Content-Type': 'application/json' } : {};
    const answer = await call(user, method, path, body, headers);
    if (![status].flat().includes(answer.status)) {
      throw new Mismatch(`${what}: ${method} ${path}`, status, { status: answer.status, body: answer.body });
    }
  }
}

/**
 * Bad frames, each answered by one error; the socket works on.
 * @param {import('/kit/socket.js').Socket} socket @param {[string, object|string, any?][]} table what, frame, the error where it is not any
 * @param {object} error the format's
 */
export async function answersErrors(socket, table, error) {
  for (const [what, frame, other] of table) {
    socket.say(frame);
    await socket.hears(other ?? error).catch((failure) => {
      throw new Mismatch(`${what}: ${failure.message}`, failure.expected, failure.seen);
    });
  }
}

/** Frames that are no frames, for any format. */
export const noFrames = (error) => [
  ['no JSON', 'hello', error],
  ['cut off', '{"type":', error],
  ['nothing', '', error],
  ['more than one', '{} {}', error],
];

export const strangeFrames = [
  ['an array', '[]'],
  ['a number', '7'],
  ['null', 'null'],
  ['no type', {}],
  ['a type that is no text', { type: 7 }],
  ['no type at all', { type: null }],
  ['an unknown type', { type: 'fly' }],
];

/** What stands for a room and is none. */
export const noRooms = ['x', 1.5, -1, true, null, {}, []];

/** Of two lists with the same members, in whatever order they were sent: the same order, and each once. */
export function sameOrder(lists, members) {
  for (const list of lists) expect([...list].sort(), [...members].sort(), 'each exactly once');
  for (const list of lists) expect(list, lists[0], 'one order for everyone');
}

/** A number that is the id of nothing. */
export const NOTHING = 9_000_000_000_001;

/** An oversized frame: an error, or an end that says so. */
export async function refusesOversized(socket, frame) {
  socket.say(frame);
  const heard = socket.next(({ type }) => type === 'error', 'an error, or 1009');
  heard.catch(() => {});
  const seen = await before('is refused', Promise.race([heard.catch(() => socket.ended), socket.ended]));
  ok(seen.type === 'error' || seen.code === 1009, 'an error or 1009', seen);
}

