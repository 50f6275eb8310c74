// Runs the checks of one format, and says on the way how they went.

import { run } from '/kit/check.js';

const verdict = { checks: [], running: 'loading', done: false };
window.verdict = verdict;

try {
  await import(`/${new URLSearchParams(location.search).get('format')}.js`);
  await run(verdict);
} catch (error) {
  verdict.checks.push({ name: `loading: ${error.stack}`, passed: false });
}
verdict.done = true;
