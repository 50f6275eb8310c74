// Files in a message: sizes, words, elements.

import { buildFiles, filesText, fitted, sizeText } from '/attachments.js';
import { equal, ok, test } from '/selftest/harness.js';

const file = (more) => ({ id: 'a', name: 'a.bin', size: 10, kind: 'file', content_type: 'application/zip', url: '/api/v1/attachments/a', ...more });

test('sizes are told as people tell them', () => {
  equal([0, 1, 900, 1024, 1536, 10 * 1024, 25 * 1024 * 1024, 3 * 2 ** 40].map(sizeText), ['0 bytes', '1 byte', '900 bytes', '1 KiB', '1.5 KiB', '10 KiB', '25 MiB', '3072 GiB']);
});

test('files in a few words', () => {
  equal(filesText([]), '');
  equal(filesText([file({ kind: 'image' })]), 'Photo');
  equal(filesText([file()]), 'a.bin');
  equal(filesText([file({ kind: 'image' }), file({ kind: 'image' })]), '2 photos');
  equal(filesText([file({ kind: 'image' }), file({ kind: 'audio' })]), '2 files');
});

test('an image has its proportions within the bounds', () => {
  equal(fitted({ width: 100, height: 80 }), { width: 100, height: 80 });
  equal(fitted({ width: 3600, height: 1800 }), { width: 360, height: 180 });
  equal(fitted({ width: 1000, height: 3200 }), { width: 100, height: 320 });
  equal(fitted({ width: 10_000, height: 1 }), { width: 360, height: 48 });
  equal(fitted({}), { width: 240, height: 180 });
});

test('the place of an image is there before the image', () => {
  const box = buildFiles([file({ kind: 'image', width: 800, height: 400, name: '<b>.png' })]);
  const picture = box.querySelector('img');
  equal([picture.getAttribute('width'), picture.getAttribute('height'), picture.alt], ['360', '180', '<b>.png']);
  equal(picture.parentElement.style.aspectRatio, '360 / 180');
  ok(!box.querySelector('b'), 'a name is text');
});

test('players for what plays, a link for everything else', () => {
  const box = buildFiles([file({ kind: 'audio' }), file({ kind: 'video' }), file(), file({ kind: 'hologram' })]);
  equal(box.querySelectorAll('audio[controls]').length, 1);
  equal(box.querySelectorAll('video[controls]').length, 1);
  equal([...box.children].filter((each) => each.matches('a.file[download="a.bin"]')).length, 2);
});
