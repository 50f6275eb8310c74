// Media in `direct`: sent as multipart, shown in tags, refused where they lie.

import { check, expect, has, is, Mismatch, ok } from '/kit/check.js';
import { created, enter, list, message, MESSAGES, pair, post, SEND } from '/kit/direct.js';
import { badFiles, fileRules, multipart, page, pdf, picture, place, plays, png, recording, wav } from '/kit/files.js';
import * as native from '/kit/native.js';
import { person } from '/kit/people.js';
import { call, must } from '/kit/rest.js';

function form(receiver, kind, file, more = {}) {
  const data = new FormData();
  for (const [name, value] of Object.entries({ receiver: receiver.id, message_type: kind, ...more })) data.append(name, value);
  data.append('file', file);
  return data;
}

const sendFile = (from, to, kind, file, more) => must(201, from, 'POST', SEND, form(to, kind, file, more));

const shape = (from, to, kind) => ({ ...message(from, to, is.text, kind), 'caption?': is.any });

for (const [kind, make, shows] of [
  ['image', () => png(), picture],
  ['audio', () => wav(), (url) => plays('audio', url)],
  ['video', () => recording('video'), (url) => plays('video', url)],
]) {
  check(`${kind} is sent, told, listed, and shown in its tag`, async () => {
    const [ann, bob] = await pair();
    const [one, two] = [await enter(ann), await enter(bob)];
    const sent = expect(await sendFile(ann, bob, kind, await make()), shape(ann, bob, kind));
    for (const socket of [one, two]) await socket.hears(created(sent));
    expect(await list(bob, ann), [{ ...sent, status: is.status }]);
    ok(await shows(sent.content), 'the tag shows it', sent.content);
  });
}

check('a voice message that the browser recorded is audio', async () => {
  const [ann, bob] = await pair();
  const sent = expect(await sendFile(ann, bob, 'audio', await recording('audio')), shape(ann, bob, 'audio'));
  ok(await plays('audio', sent.content), 'the tag plays it', sent.content);
});

check('a file has a caption beside it', async () => {
  const [ann, bob] = await pair();
  const two = await enter(bob);
  const sent = await sendFile(ann, bob, 'file', pdf(), { caption: 'read <this>' });
  expect(sent, { ...message(ann, bob, is.text, 'file'), caption: 'read <this>' });
  await two.hears(created(sent));
  expect(await list(ann, bob), [{ ...sent, status: is.status }]);
  const { status, headers } = await fetch(place(sent.content), { credentials: 'include' });
  expect([status, headers.get('Content-Type')], [200, 'application/pdf']);
  const typed = await must(201, ann, 'POST', SEND, form({ id: String(bob.id) }, 'image', await png()));
  expect(typed.to, bob.id);
});

check('bad files are refused and nothing is stored', async () => {
  const [ann, bob] = await pair();
  for (const [what, file, kind, statuses] of await badFiles()) {
    const { status, body } = await call(ann, 'POST', SEND, form(bob, kind, file));
    if (!statuses.includes(status)) throw new Mismatch(what, statuses, { status, body });
  }
  const picture = await png();
  const cleo = await person();
  for (const [what, statuses, data] of [
    ['a picture as sound', [415], form(bob, 'audio', picture)],
    ['sound as a picture', [415], form(bob, 'image', wav())],
    ['a file as text', [400], form(bob, 'text', picture)],
    ['an unknown message_type', [400], form(bob, 'smell', picture)],
    ['to oneself', [400], form(ann, 'image', picture)],
    ['forged', [400, 403], form(bob, 'image', picture, { user_id: cleo.id })],
  ]) {
    const { status, body } = await call(ann, 'POST', SEND, data);
    if (!statuses.includes(status)) throw new Mismatch(what, statuses, { status, body });
  }
  expect(await list(ann, bob), [], 'stored');
});

check('a form that lacks a part is refused', async () => {
  const [ann, bob] = await pair();
  const picture = await png();
  for (const missing of ['receiver', 'message_type', 'file']) {
    const data = form(bob, 'image', picture);
    data.delete(missing);
    await must(400, ann, 'POST', SEND, data);
  }
  const noForm = new Blob(['not a form'], { type: 'multipart/form-data; boundary=x' });
  await must(400, ann, 'POST', SEND, noForm);
  await must([400, 415], ann, 'POST', SEND, new Blob(['x'], { type: 'multipart/form-data' }));
  expect(await list(ann, bob), []);
});

check('a page is never served as one', async () => {
  const [ann, bob] = await pair();
  const { status, body } = await call(ann, 'POST', SEND, form(bob, 'file', page()));
  if (status === 415) return;
  expect(status, 201);
  const { headers } = await fetch(place(body.content), { credentials: 'include' });
  ok(!/html|svg|xml/.test(headers.get('Content-Type')), 'a harmless type', headers.get('Content-Type'));
});

check('a path in the name of a file is only a name', async () => {
  const [ann, bob] = await pair();
  for (const name of ['../../../../etc/passwd.png', '..\\..\\boot.png', '/etc/shadow.png', '%2e%2e%2fup.png']) {
    const data = await multipart({ receiver: bob.id, message_type: 'image' }, 'file', name, await png());
    const { status, body } = await call(ann, 'POST', SEND, data);
    if (status === 400) continue;
    expect(status, 201, name);
    ok(!decodeURIComponent(new URL(body.content, 'http://x').pathname).includes('..'), 'no path in the URL', body.content);
    expect(await picture(body.content), { width: 40, height: 30 });
  }
});

check('a file of the native protocol is one here too', async () => {
  const [ann, bob] = await pair();
  await post(ann, bob, 'hi');
  const two = await enter(bob);
  const [{ id: room }] = await native.rooms(ann);
  const file = await native.upload(ann, room, await png());
  await native.send(ann, room, { content: 'look', attachments: [file.id] });
  const seen = await two.next(({ type }) => type === 'message_created', 'message_created');
  expect(seen, has({ message_type: 'image', caption: 'look' }));
  await list(bob, ann);
  expect(await picture(seen.content), { width: 40, height: 30 });
});

fileRules(async () => {
  const [ann, bob] = await pair();
  const { content } = await sendFile(ann, bob, 'image', await png());
  return { member: bob, stranger: await person(), url: content, read: `${MESSAGES}?with=${ann.id}` };
});
