// Attachments in `conversation`: uploaded, sent, shown in tags, taken back, refused where they lie.

import { check, expect, is, Mismatch, ok } from '/kit/check.js';
import { at, enter, event, form, group, list, message, post } from '/kit/conversation.js';
import { badFiles, fileRules, multipart, page, pdf, picture, place, plays, png, recording, wav } from '/kit/files.js';
import * as native from '/kit/native.js';
import { call, must } from '/kit/rest.js';

const upload = (user, id, file) => must(201, user, 'POST', at(id, 'attachments/'), form(file));

check('files are uploaded, sent, told, listed, and shown in their tags', async () => {
  const { ann, bob, id } = await group();
  const [one, two] = [await enter(id, ann), await enter(id, bob)];
  const files = [await png(), wav(), await recording('video'), pdf()];
  const types = ['image/png', /^audio\/(x-)?wav$/, 'video/webm', 'application/pdf'];
  const uploaded = [];
  for (const [number, file] of files.entries()) {
    const isType = (type) => (types[number] instanceof RegExp ? types[number].test(type) : type === types[number]);
    uploaded.push(expect(await upload(ann, id, file), { id: is.any, url: is.text, name: file.name, content_type: isType, size: file.size }));
  }
  const ids = uploaded.map((each) => each.id);
  const sent = expect(await post(ann, id, 'look', { attachments: ids }), message(id, ann, 'look', uploaded));
  for (const socket of [one, two]) await socket.hears(event(sent));
  expect(await list(bob, id), [sent]);
  expect(await picture(uploaded[0].url), { width: 40, height: 30 });
  ok(await plays('audio', uploaded[1].url), 'sound plays');
  ok(await plays('video', uploaded[2].url), 'the video plays');
  expect((await fetch(place(uploaded[3].url), { credentials: 'include' })).status, 200);
  await post(ann, id, '', { attachments: [(await upload(ann, id, await png())).id] });
  expect((await list(bob, id)).map(({ content, attachments }) => [content, attachments.length]), [['look', 4], ['', 1]]);
});

check('a file is sent once, and by its uploader', async () => {
  const { ann, bob, id } = await group();
  const file = await upload(ann, id, await png());
  const send = (user, attachments) => call(user, 'POST', at(id, 'send_message/'), { content: 'look', attachments });
  const other = await send(bob, [file.id]);
  ok([400, 403, 404, 409].includes(other.status), "another's file", other);
  expect((await send(ann, [file.id])).status, 201);
  const again = await send(ann, [file.id]);
  ok([400, 409].includes(again.status), 'a second time', again);
  expect((await list(ann, id)).length, 1);
});

check('a file is taken back by its uploader, before it is sent', async () => {
  const { ann, bob, stranger, id } = await group();
  const [file, sent] = [await upload(ann, id, await png()), await upload(ann, id, await png())];
  await post(ann, id, 'look', { attachments: [sent.id] });
  const take = (user, each) => call(user, 'DELETE', at(id, `attachments/${each.id}/`));
  for (const user of [bob, stranger]) {
    const { status } = await take(user, file);
    ok([403, 404].includes(status), 'another takes it', status);
  }
  const late = await take(ann, sent);
  ok([400, 403, 404, 409].includes(late.status), 'after it was sent', late);
  expect((await take(ann, file)).status, 204);
  expect((await take(ann, file)).status, 404);
  const { status } = await call(ann, 'POST', at(id, 'send_message/'), { content: 'gone', attachments: [file.id] });
  ok([400, 404].includes(status), 'sent after it was taken back', status);
  expect((await fetch(place(file.url), { headers: { Authorization: `Bearer ${ann.token}` } })).status, 404);
  expect(await picture(sent.url), { width: 40, height: 30 });
});

check('a file goes with its message', async () => {
  const { ann, bob, id } = await group();
  const file = await upload(ann, id, await png());
  const sent = await post(ann, id, 'look', { attachments: [file.id] });
  const status = async (user) => (await fetch(place(file.url), { headers: { Authorization: `Bearer ${user.token}` }, cache: 'no-store' })).status;
  expect(await status(bob), 200);
  await must(204, ann, 'DELETE', at(id, `messages/${sent.id}/`));
  for (const user of [ann, bob]) expect(await status(user), 404);
});

check('bad files are refused', async () => {
  const { ann, id } = await group();
  for (const [what, file, , statuses] of await badFiles()) {
    const { status, body } = await call(ann, 'POST', at(id, 'attachments/'), form(file));
    if (!statuses.includes(status)) throw new Mismatch(what, statuses, { status, body });
  }
});

check('bad forms are refused', async () => {
  const { ann, stranger, id } = await group();
  const [path, good] = [at(id, 'attachments/'), form(await png())];
  await must([403, 404], stranger, 'POST', path, good);
  await must(400, ann, 'POST', path, new FormData());
  await must([400, 415], ann, 'POST', path, { file: 'x' });
  await must(400, ann, 'POST', path, new Blob(['not a form'], { type: 'multipart/form-data; boundary=x' }));
});

check('a page is never served as one', async () => {
  const { ann, id } = await group();
  const { status, body } = await call(ann, 'POST', at(id, 'attachments/'), form(page()));
  if (status === 415) return;
  expect(status, 201);
  const { headers } = await fetch(place(body.url), { credentials: 'include' });
  ok(!/html|svg|xml/.test(headers.get('Content-Type')), 'a harmless type', headers.get('Content-Type'));
});

check('a path in the name of a file is only a name', async () => {
  const { ann, id } = await group();
  for (const name of ['../../../../etc/passwd.png', '..\\..\\boot.png', '/etc/shadow.png', 'C:\\up.png']) {
    const { status, body } = await call(ann, 'POST', at(id, 'attachments/'), await multipart({}, 'file', name, await png()));
    if (status === 400) continue;
    expect(status, 201, name);
    ok(!/[/\\]|\.\./.test(body.name), 'a plain name', body.name);
    expect(await picture(body.url), { width: 40, height: 30 });
  }
});

check('a file of the native protocol is one here too', async () => {
  const { ann, bob, id } = await group();
  const socket = await enter(id, bob);
  const file = await native.upload(ann, id, await png('native.png'));
  await native.send(ann, id, { content: 'look', attachments: [file.id] });
  const shape = { id: is.any, url: is.text, name: 'native.png', content_type: 'image/png', size: is.id };
  const { message: seen } = await socket.hears(event(message(id, ann, 'look', [shape])));
  expect(await picture(seen.attachments[0].url), { width: 40, height: 30 });
});

fileRules(async () => {
  const { ann, bob, stranger, id } = await group();
  const file = await upload(ann, id, await png());
  await post(ann, id, 'look', { attachments: [file.id] });
  return { member: bob, stranger, url: file.url, read: at(id, 'messages/') };
});
