// What a message says, as elements: links, mentions, and nothing that could be anything else.

import { h } from './dom.js';

const LINK = /https?:\/\/[^\s<>"']+/gu;
const PAIRS = { ')': '(', ']': '[', '}': '{' };
const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|[\u200d\ufe0f\u20e3\s])+$/u;

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** An address without what follows it in a sentence: a bracket belongs to it where it was opened in it. */
function withoutTrailing(address) {
  const count = {};
  for (const char of address) count[char] = (count[char] ?? 0) + 1;
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1];
    const isLoose = PAIRS[last] && count[last] > (count[PAIRS[last]] ?? 0);
    if (!isLoose && !'.,;:!?'.includes(last)) break;
    count[last] -= 1;
  }
  return address.slice(0, end);
}

/** Finds `@handle` of the given handles; the longest that fits. */
function mentionPattern(handles) {
  if (handles.length === 0) return null;
  const longestFirst = [...handles].sort((a, b) => b.length - a.length);
  return new RegExp(`(?<![\\p{L}\\p{N}_])@(${longestFirst.map(escape).join('|')})(?![\\p{L}\\p{N}_])`, 'giu');
}

/**
 * The users whom a text names.
 * @param {string} content
 * @param {{id: string, handle: string}[]} people
 * @returns {string[]}
 */
export function mentionedIn(content, people) {
  const pattern = mentionPattern(people.map((person) => person.handle));
  if (!pattern || !content.includes('@')) return [];
  const named = new Set([...content.matchAll(pattern)].map((match) => match[1].toLowerCase()));
  return people.filter((person) => named.has(person.handle.toLowerCase())).map((person) => person.id);
}

/** Whether it is up to three emoji and nothing else. */
export function isBig(content) {
  if (content.length > 40 || !EMOJI_ONLY.test(content)) return false;
  const parts = globalThis.Intl?.Segmenter ? [...new Intl.Segmenter().segment(content.trim())] : [...content.trim()];
  return parts.length > 0 && parts.length <= 3;
}

/**
 * @param {string} content
 * @param {{id: string, handle: string, me: boolean}[]} mentioned
 * @returns {DocumentFragment}
 */
export function renderText(content, mentioned) {
  const fragment = document.createDocumentFragment();
  let at = 0;
  for (const match of content.matchAll(LINK)) {
    const address = withoutTrailing(match[0]);
    if (!URL.canParse(address)) continue;
    withMentions(fragment, content.slice(at, match.index), mentioned);
    fragment.append(h('a', { href: address, target: '_blank', rel: 'noopener noreferrer nofollow', text: address }));
    at = match.index + address.length;
  }
  withMentions(fragment, content.slice(at), mentioned);
  return fragment;
}

function withMentions(fragment, text, mentioned) {
  const pattern = mentionPattern(mentioned.map((person) => person.handle));
  let at = 0;
  for (const match of pattern ? text.matchAll(pattern) : []) {
    const person = mentioned.find(({ handle }) => handle.toLowerCase() === match[1].toLowerCase());
    fragment.append(text.slice(at, match.index), h('span', { class: `mention${person.me ? ' me' : ''}`, dataset: { testid: 'mention' }, text: match[0] }));
    at = match.index + match[0].length;
  }
  fragment.append(text.slice(at));
}
