// The files of a message, as elements. Their place is as large before they are loaded as after.

import { h, icon } from './dom.js';

const MOST_WIDE = 360;
const MOST_HIGH = 320;
/** Below this an image could hardly be hit. */
const LEAST = 48;
/** Where nobody says how large an image is. */
const UNKNOWN = { width: 240, height: 180 };
const UNITS = ['bytes', 'KiB', 'MiB', 'GiB'];

const NOUNS = { image: ['Photo', 'photos'], audio: ['Audio', 'audio files'], video: ['Video', 'videos'], file: ['File', 'files'] };

/** @param {number} bytes */
export function sizeText(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit > 0 && value < 10 ? 1 : 0;
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${unit === 0 && bytes === 1 ? 'byte' : UNITS[unit]}`;
}

/** Files in a few words, where there is no room to show them. @param {{kind: string, name: string}[]} files */
export function filesText(files = []) {
  if (files.length === 0) return '';
  const [{ kind, name }] = files;
  if (files.length === 1) return kind === 'file' ? name : NOUNS[kind]?.[0] ?? name;
  const same = files.every((file) => file.kind === kind) && NOUNS[kind];
  return `${files.length} ${same ? same[1] : 'files'}`;
}

/**
 * How large an image is shown: never larger than it is, within the bounds, in its own proportions as far as can be.
 * @param {{width?: number, height?: number}} image
 */
export function fitted({ width, height }) {
  if (!width || !height) return UNKNOWN;
  const scale = Math.min(1, MOST_WIDE / width, MOST_HIGH / height);
  return { width: Math.max(LEAST, Math.round(width * scale)), height: Math.max(LEAST, Math.round(height * scale)) };
}

/** @param {{id: string, name: string, size?: number, content_type?: string, url: string}} file */
function row(file) {
  const about = file.size === undefined ? '' : sizeText(file.size);
  return h('a', { class: 'file', href: file.url, download: file.name, 'aria-label': `Download ${file.name}${about ? `, ${about}` : ''}`, dataset: { testid: 'file', kind: file.kind } },
    h('span', { class: 'file-mark' }, icon('file')),
    h('span', { class: 'file-about' }, h('b', { dir: 'auto', text: file.name }), about && h('small', { text: about })));
}

function image(file) {
  const size = fitted(file);
  const picture = h('img', { src: file.url, alt: file.name, width: size.width, height: size.height, loading: 'lazy', decoding: 'async', dataset: { testid: 'image' } });
  const link = h('a', { class: 'picture', href: file.url, target: '_blank', rel: 'noopener', title: file.name, 'aria-label': `Open image ${file.name}` }, picture);
  link.style.setProperty('--wide', `${size.width}px`);
  link.style.aspectRatio = `${size.width} / ${size.height}`;
  // Gone, or no longer for us: its place stays, so that nothing jumps.
  picture.addEventListener('error', () => {
    link.classList.add('broken');
    picture.replaceWith(icon('image'), h('span', { text: file.name }));
  }, { once: true });
  return link;
}

function player(file) {
  const tag = h(file.kind, { src: file.url, controls: true, preload: 'metadata', 'aria-label': `${file.kind === 'audio' ? 'Audio' : 'Video'} ${file.name}`, dataset: { testid: file.kind } });
  if (file.kind === 'video') tag.setAttribute('playsinline', '');
  const box = h('div', { class: `player player-${file.kind}` }, tag, row(file));
  // No codec for it here: it can still be saved.
  tag.addEventListener('error', () => tag.remove(), { once: true });
  return box;
}

/** The same for the same files, shown alike. @param {{id: string, kind: string}[]} files */
export const namesOf = (files) => files.map(({ id, kind }) => `${id}/${kind}`).join(' ');

/**
 * @param {(import('./chat-types.js').Attachment & {url: string})[]} files
 * @returns {HTMLElement}
 */
export function buildFiles(files) {
  const one = (file) => (file.kind === 'image' ? image(file) : file.kind === 'audio' || file.kind === 'video' ? player(file) : row(file));
  return h('div', { class: 'files', dataset: { testid: 'files', files: namesOf(files) } }, ...files.map(one));
}
