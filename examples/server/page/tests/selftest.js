// Runs every test and says how it went: in the title, in #result, and failures one by one.

import { results, run } from '/selftest/harness.js';
import '/selftest/attachments.test.js';
import '/selftest/pieces.test.js';
import '/selftest/connection.test.js';
import '/selftest/contrast.test.js';
import '/selftest/drafts.test.js';
import '/selftest/message-focus.test.js';
import '/selftest/report-dialog.test.js';
import '/selftest/outbox.test.js';
import '/selftest/highlight.test.js';
import '/selftest/message-around.test.js';
import '/selftest/message-list.test.js';
import '/selftest/message-words.test.js';
import '/selftest/room-state.test.js';
import '/selftest/store.test.js';
import '/selftest/text.test.js';
import '/selftest/uploads.test.js';

await run();
const failed = results.filter((result) => result.error);
const verdict = `${failed.length === 0 && results.length > 0 ? 'PASS' : 'FAIL'} ${results.length - failed.length} passed, ${failed.length} failed`;
document.title = verdict;
document.getElementById('failures').textContent = failed.map(({ name, error }) => `${name}\n${error.stack ?? error}\n`).join('\n');
const result = document.getElementById('result');
result.dataset.passed = String(results.length - failed.length);
result.dataset.failed = String(failed.length);
result.textContent = verdict;
