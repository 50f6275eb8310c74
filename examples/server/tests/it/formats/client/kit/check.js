// Named checks, and what they expect.

import { before, closeAll } from '/kit/socket.js';

/** A check that takes longer is stuck. */
const CHECK_MS = 40_000;

const checks = [];

/** @param {string} name @param {() => Promise<void>} body */
export function check(name, body) {
  checks.push({ name, body });
}

/** Runs them one by one. @param {{checks: object[], running: string}} verdict where it is told */
export async function run(verdict) {
  const wanted = new URLSearchParams(location.search).get('only') ?? '';
  for (const { name, body } of checks.filter((each) => each.name.includes(wanted))) {
    verdict.running = name;
    try {
      await before('the check ends', body(), CHECK_MS);
      verdict.checks.push({ name, passed: true });
    } catch (error) {
      const place = (error.stack ?? '').split('\n').filter((line) => /\.js:/.test(line) && !line.includes('/kit/'))[0] ?? '';
      verdict.checks.push({ name, passed: false, error: `${error.message ?? error} ${place.trim()}`, expected: written(error.expected), seen: written(error.seen) });
    }
    closeAll();
  }
}

/** What was expected, and what was seen instead. */
export class Mismatch extends Error {
  constructor(what, expected, seen) {
    super(what);
    this.expected = expected;
    this.seen = seen;
  }
}

function written(value) {
  return JSON.stringify(value, (_, part) => (typeof part === 'function' ? `<${part.name}>` : part));
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const NOW_MS = 120_000;

/** What a value may have to be where it is not known before. */
export const is = {
  any: () => true,
  id: (value) => Number.isSafeInteger(value) && value > 0,
  text: (value) => typeof value === 'string' && value !== '',
  count: (value) => Number.isSafeInteger(value) && value >= 0,
  /** RFC 3339 in UTC with a `Z`, and about now. */
  time: (value) => TIME.test(value) && Math.abs(Date.parse(value) - Date.now()) < NOW_MS,
  list: (value) => Array.isArray(value),
  status: (value) => ['sent', 'delivered', 'read'].includes(value),
};

/** Either of two. */
export const either = (...expected) =>
  Object.defineProperty((value) => expected.some((each) => !difference(value, each)), 'name', { value: written(expected) });

/** An object that has these fields, and may have others. */
export const has = (expected) =>
  Object.defineProperty(
    (value) => value !== null && typeof value === 'object' && Object.keys(expected).every((key) => !difference(value[key], expected[key])),
    'name',
    { value: `has ${written(expected)}` },
  );

/** Where a value differs from what is expected, if it does. A field whose name ends in `?` may be absent. */
function difference(seen, expected, at = 'it') {
  if (typeof expected === 'function') return expected(seen) ? null : at;
  if (expected === null || typeof expected !== 'object') return Object.is(seen, expected) ? null : at;
  if (seen === null || typeof seen !== 'object' || Array.isArray(seen) !== Array.isArray(expected)) return at;
  const known = new Map(Object.keys(expected).map((key) => [key.replace(/\?$/, ''), key]));
  for (const key of Object.keys(seen)) if (!known.has(key)) return `${at}.${key}, which should not be there`;
  for (const [key, named] of known) {
    if (!(key in seen)) {
      if (named === key) return `${at}.${key}, which is missing`;
      continue;
    }
    const found = difference(seen[key], expected[named], `${at}.${key}`);
    if (found) return found;
  }
  return null;
}

/** Equal in every field, where a function asks for itself. @param {string} [what] */
export function expect(seen, expected, what = 'differs') {
  const found = difference(seen, expected);
  if (found) throw new Mismatch(`${what}: ${found}`, expected, seen);
  return seen;
}

/** @param {any} truth @param {string} what */
export function ok(truth, what, seen) {
  if (!truth) throw new Mismatch(what, 'a truth', seen);
}
