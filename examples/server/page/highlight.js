// Where in a text the words of a search stand, as the server sees words.

import { h } from './dom.js';

/** Scripts that put no spaces between words: any piece of text is found. */
const UNSPACED = '[[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}ー々]]';
const WORD = `[[\\p{L}\\p{N}\\p{M}]--${UNSPACED}]`;
const PARTS = new RegExp(`(${UNSPACED}+)|${WORD}+`, 'gv');

const BEFORE = 40;
const LENGTH = 160;

/** Whether there is anything to search for. */
export const isSearchable = (query) => /[\p{L}\p{N}]/u.test(query);

/** What finds the words of a search: whole ones, the last one by its beginning. @param {string} query @returns {RegExp|null} */
export function searchPattern(query) {
  // Parts are letters, digits and marks: nothing in them means anything to a pattern.
  const parts = [...query.matchAll(PARTS)];
  const sources = parts.map(([part, run], index) => {
    if (run) return part;
    return index === parts.length - 1 ? `(?<!${WORD})${part}` : `(?<!${WORD})${part}(?!${WORD})`;
  });
  // The longest first, where one begins like another.
  return sources.length === 0 ? null : new RegExp(sources.sort((a, b) => b.length - a.length).join('|'), 'giv');
}

/** A text with what a pattern finds marked. @param {string} text @param {RegExp|null} pattern @returns {DocumentFragment} */
export function marked(text, pattern) {
  const fragment = document.createDocumentFragment();
  let at = 0;
  for (const match of pattern ? text.matchAll(pattern) : []) {
    fragment.append(text.slice(at, match.index), h('mark', { text: match[0] }));
    at = match.index + match[0].length;
  }
  fragment.append(text.slice(at));
  return fragment;
}

/** The part of a message that is worth a line: about the first word that is found. @param {string} content @param {RegExp|null} pattern */
export function excerpt(content, pattern) {
  const text = content.replace(/\s+/g, ' ').trim();
  const first = pattern ? text.search(pattern) : 0;
  let from = Math.max(0, first - BEFORE);
  if (from > 0) from = Math.min(first, text.indexOf(' ', from) + 1 || first);
  const to = from + LENGTH;
  return `${from > 0 ? '…' : ''}${text.slice(from, to)}${to < text.length ? '…' : ''}`;
}
