// Files: good ones that the browser makes itself, bad ones byte by byte, and tags that show them.

import { check, expect, ok } from '/kit/check.js';
import { call } from '/kit/rest.js';
import { anyServer } from '/kit/servers.js';
import { before } from '/kit/socket.js';

/** The bound on a file that the server was started with. */
export const FILE_BYTES_MAX = 262_144;

const text = (string) => new TextEncoder().encode(string);

/** @returns {Promise<File>} */
export async function png(name = 'a picture.png', [width, height] = [40, 30]) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  canvas.getContext('2d').fillRect(1, 1, 9, 9);
  const blob = await new Promise((resolve) => {
    canvas.toBlob(resolve, 'image/png');
  });
  return new File([blob], name, { type: 'image/png' });
}

/** A tenth of a second of silence. */
export function wav(name = 'silence.wav', samples = 800) {
  const view = new DataView(new ArrayBuffer(44 + samples));
  const put = (at, letters) => [...letters].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
  put(0, 'RIFF');
  view.setUint32(4, 36 + samples, true);
  put(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 8000, true);
  view.setUint32(28, 8000, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  put(36, 'data');
  view.setUint32(40, samples, true);
  for (let n = 0; n < samples; n += 1) view.setUint8(44 + n, 128);
  return new File([view.buffer], name, { type: 'audio/wav' });
}

export const pdf = (name = 'a paper.pdf') => new File(['%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer <<>>\n%%EOF\n'], name, { type: 'application/pdf' });

/** What the browser itself records, as front ends do: a moving picture, or a voice message. @param {'audio'|'video'} kind */
export async function recording(kind) {
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 48 });
  const paint = canvas.getContext('2d');
  let stream;
  let sound;
  if (kind === 'video') {
    stream = canvas.captureStream(20);
  } else {
    sound = new AudioContext();
    const tone = sound.createOscillator();
    const out = sound.createMediaStreamDestination();
    tone.connect(out);
    tone.start();
    stream = out.stream;
  }
  const type = `${kind}/webm`;
  const recorder = new MediaRecorder(stream, { mimeType: type });
  const parts = [];
  const stopped = new Promise((resolve) => {
    recorder.onstop = resolve;
  });
  const enough = new Promise((resolve) => {
    recorder.ondataavailable = ({ data }) => {
      parts.push(data);
      if (parts.reduce((sum, part) => sum + part.size, 0) > 500) resolve();
    };
  });
  recorder.start(50);
  const moves = setInterval(() => paint.fillRect(Math.random() * 60, Math.random() * 40, 9, 9), 20);
  await before('the browser records', enough);
  recorder.stop();
  await stopped;
  clearInterval(moves);
  await sound?.close();
  return new File(parts, `recorded.${kind}.webm`, { type });
}

function crc(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

function chunk(name, data) {
  const body = [...text(name), ...data];
  const number = (value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
  return [...number(data.length), ...body, ...number(crc(body))];
}

/** A header that claims a picture of ten thousand million points. */
export function enormous() {
  const side = [0, 1, 0x86, 0xa0];
  const header = chunk('IHDR', [...side, ...side, 8, 6, 0, 0, 0]);
  const bytes = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, ...header, ...chunk('IEND', [])]);
  return new File([bytes], 'enormous.png', { type: 'image/png' });
}

const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
const HTML = '<!doctype html><html><body><script>alert(1)</script></body></html>';

/** Files that must be refused: what is wrong, the file, the kind it is passed off as, the status. */
export async function badFiles() {
  const picture = await png();
  return [
    ['a picture passed off as sound', new File([picture], 'a.wav', { type: 'audio/wav' }), 'audio', [415]],
    ['sound passed off as a picture', new File([wav()], 'a.png', { type: 'image/png' }), 'image', [415]],
    ['text passed off as a picture', new File(['only words'], 'a.png', { type: 'image/png' }), 'image', [415]],
    ['SVG', new File([SVG], 'a.svg', { type: 'image/svg+xml' }), 'image', [415]],
    ['SVG passed off as PNG', new File([SVG], 'a.png', { type: 'image/png' }), 'image', [415]],
    ['HTML passed off as a picture', new File([HTML], 'a.png', { type: 'image/png' }), 'image', [415]],
    ['an empty file', new File([], 'a.png', { type: 'image/png' }), 'image', [400]],
    ['a header with enormous dimensions', enormous(), 'image', [415]],
    ['too large', wav('long.wav', FILE_BYTES_MAX), 'audio', [413]],
  ];
}

export const page = () => new File([HTML], 'a.html', { type: 'text/html' });

/** A multipart body by hand: a browser would not send such a file name. */
export async function multipart(fields, field, name, file) {
  const line = '----a-boundary-of-our-own';
  const parts = Object.entries(fields).map(([key, value]) => `--${line}\r\nContent-Disposition: form-data; name="${key}"\r\n\r\n${value}\r\n`);
  const head = `--${line}\r\nContent-Disposition: form-data; name="${field}"; filename="${name}"\r\nContent-Type: ${file.type}\r\n\r\n`;
  return new Blob([...parts, head, file, `\r\n--${line}--\r\n`], { type: `multipart/form-data; boundary=${line}` });
}

/** Where a file is; what the server says of it may be a path. */
export const place = (url) => new URL(url, anyServer()).href;

/** Loads a picture as an `<img>` does. @returns {Promise<{width: number, height: number}|null>} nothing where it does not load */
export function picture(url) {
  const image = new Image();
  const loaded = new Promise((resolve) => {
    image.onload = () => resolve({ width: image.naturalWidth, height: image.naturalHeight });
    image.onerror = () => resolve(null);
  });
  image.src = place(url);
  return before('the picture loads or fails', loaded);
}

/** Loads sound or a moving picture as its tag does. @param {'audio'|'video'} tag @returns {Promise<boolean>} */
export function plays(tag, url) {
  const player = document.createElement(tag);
  const loaded = new Promise((resolve) => {
    player.onloadeddata = () => resolve(true);
    player.onerror = () => resolve(false);
  });
  player.preload = 'auto';
  player.muted = true;
  player.src = place(url);
  return before('it plays or fails', loaded);
}

/**
 * Who may open a file, and by what.
 * @param {() => Promise<{member: object, stranger: object, url: string, read: string}>} scene
 *   a picture of 40 by 30 that was sent to a room, and a path that the member may read by token
 */
export function fileRules(scene) {
  check('a file opens in a tag by the cookie that its user was given, for members alone', async () => {
    const { member, stranger, url, read } = await scene();
    await call(member, 'GET', read);
    expect(await picture(url), { width: 40, height: 30 });
    ok(!document.cookie.includes('chat_media'), 'the page cannot read the cookie', document.cookie);
    await call(stranger, 'GET', read);
    // Not the copy that the browser keeps.
    expect(await picture(`${url}?again`), null, 'a stranger sees it');
  });

  check('a file opens by token for members, and by nothing for nobody', async () => {
    const { member, stranger, url } = await scene();
    const bearer = (user) => ({ headers: { Authorization: `Bearer ${user.token}` } });
    const status = async (options) => (await fetch(place(url), { credentials: 'omit', ...options })).status;
    expect(await status(bearer(member)), 200);
    ok([403, 404].includes(await status(bearer(stranger))), 'a stranger opens it');
    expect(await status({}), 401, 'a bare GET');
  });

  check('the cookie of the files opens nothing else', async () => {
    const { member, url, read } = await scene();
    await call(member, 'GET', read);
    const status = async (path, method) => (await fetch(place(path), { method, credentials: 'include' })).status;
    expect(await status(url, 'GET'), 200);
    expect(await status(read, 'GET'), 401, 'reads messages');
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const seen = await status(url, method);
      ok([401, 403, 405].includes(seen), `${method} by the cookie`, seen);
    }
    expect(await status(url, 'GET'), 200, 'it is still there');
  });
}
