// Files on their way up.

import { ChatError } from '/chat-error.js';
import { ChatRest } from '/chat-rest.js';
import { Uploads } from '/uploads.js';
import { equal, ok, refusal, settle, test } from '/selftest/harness.js';

const file = (name, size = 4) => new File([new Uint8Array(size)], name);

/** Uploads whose other side is the test. */
function uploads(limits = {}) {
  const calls = [];
  const removed = [];
  const rest = {
    uploadAttachment: (sent, options) => new Promise((resolve, reject) => {
      calls.push({ name: sent.name, ...options, done: (id) => resolve({ id, name: sent.name, kind: 'file' }), refuse: (about) => reject(new ChatError(about)) });
      options.signal.addEventListener('abort', () => reject(new ChatError({ code: 'aborted' })));
    }),
    removeAttachment: async (id) => removed.push(id),
  };
  const box = new Uploads({ rest, limits: () => limits, changed: () => {} });
  return { box, calls, removed, states: (room = 7) => box.of(room).map((item) => item.state) };
}

test('uploads: a few at a time, and the next when one is done', async () => {
  const { box, calls, states } = uploads();
  equal(box.add(7, ['a', 'b', 'c', 'd'].map((name) => file(name))), null);
  equal([calls.map((call) => call.name), states()], [['a', 'b', 'c'], ['sending', 'sending', 'sending', 'waiting']]);
  equal(calls[0].room_id, 7);
  calls[1].done('2');
  await settle();
  equal([calls.length, states()], [4, ['sending', 'done', 'sending', 'sending']]);
});

test('uploads: bounds that are known are told before anything is sent', () => {
  const { box, calls, states } = uploads({ attachments: 3, upload_bytes: 8 });
  equal(box.add(7, [file('empty', 0), file('large', 9), file('good', 8), file('many')]), 'At most 3 files in one message.');
  equal([calls.map((call) => call.name), states()], [['good'], ['failed', 'failed', 'sending']]);
  equal(box.of(7).map((item) => item.error), ['The file is empty.', 'Too large: at most 8 bytes.', undefined]);
  ok(!box.settled(7));
});

test('uploads: progress, and what a message takes along', async () => {
  const { box, calls } = uploads();
  box.add(7, [file('a'), file('b')]);
  box.add(8, [file('other')]);
  calls[0].onProgress(50, 200);
  equal(box.of(7)[0].progress, 0.25);
  calls[0].done('1');
  calls[1].done('2');
  calls[2].done('3');
  await settle();
  ok(box.settled(7));
  equal(box.take(7).map((each) => each.id), ['1', '2']);
  equal([box.of(7).length, box.of(8).length], [0, 1]);
});

test('uploads: cancelled on the way, removed when done', async () => {
  const { box, calls, removed } = uploads();
  box.add(7, [file('a'), file('b')]);
  calls[1].done('2');
  await settle();
  const [sending, done] = box.of(7);
  box.remove(sending.id);
  box.remove(done.id);
  await settle();
  ok(calls[0].signal.aborted);
  equal([box.items, removed], [[], ['2']]);
});

test('uploads: refusals in words, and again where that may help', async () => {
  const { box, calls, states } = uploads({ upload_bytes: 2048 });
  box.add(7, [file('a'), file('b'), file('c')]);
  calls[0].refuse({ code: 'bad_field', message: 'x', status: 415 });
  calls[1].refuse({ code: 'too_large', message: 'x', status: 413 });
  calls[2].refuse({ code: 'rate_limited', message: 'slow down', status: 429 });
  await settle();
  equal(box.of(7).map((item) => item.error), ['Files of this kind are not taken.', 'Too large: at most 2 KiB.', 'slow down']);
  for (const item of box.of(7)) box.retry(item.id);
  equal([states(), calls.length], [['failed', 'failed', 'sending'], 4]);
});

/** A request that the test answers. */
class FakeRequest {
  static last;

  constructor() {
    FakeRequest.last = this;
    this.upload = {};
    this.headers = {};
  }

  open(...where) {
    this.where = where;
  }

  setRequestHeader(name, value) {
    this.headers[name] = value;
  }

  send(form) {
    this.fields = [...form.keys()];
  }

  abort() {
    this.onabort();
    this.onloadend();
  }

  answer(status, body) {
    Object.assign(this, { status, responseText: body });
    this.onload();
    this.onloadend();
  }
}

test('an upload is one form, told as it goes', async () => {
  const rest = new ChatRest({ url: '/api/v1/', token: () => 'one', XMLHttpRequest: FakeRequest });
  const told = [];
  const sent = rest.uploadAttachment(file('a'), { room_id: 7, onProgress: (...numbers) => told.push(numbers) });
  const request = FakeRequest.last;
  equal([request.where, request.headers.Authorization, request.fields], [['POST', '/api/v1/attachments'], 'Bearer one', ['room_id', 'file']]);
  request.upload.onprogress({ loaded: 1, total: 2 });
  request.answer(201, '{"id": "x"}');
  equal([await sent, told], [{ id: 'x' }, [[1, 2]]]);
});

test('an upload that is refused, broken off or cancelled says so', async () => {
  const rest = new ChatRest({ url: '/api/v1', token: () => null, XMLHttpRequest: FakeRequest });
  const refused = rest.uploadAttachment(file('a'));
  FakeRequest.last.answer(413, '<html>too large</html>');
  const { code, status } = await refusal(refused);
  equal([code, status], ['too_large', 413]);
  const broken = rest.uploadAttachment(file('a'));
  FakeRequest.last.onerror();
  equal((await refusal(broken)).code, 'offline');
  const stop = new AbortController();
  const cancelled = rest.uploadAttachment(file('a'), { signal: stop.signal });
  stop.abort();
  equal((await refusal(cancelled)).code, 'aborted');
});
