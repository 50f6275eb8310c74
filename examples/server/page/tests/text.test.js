// What a message says is shown as text, whatever it says.

import { isBig, mentionedIn, renderText } from '/text.js';
import { equal, ok, test } from '/selftest/harness.js';

const people = [{ id: '1', handle: 'ann' }, { id: '2', handle: 'ann lee' }, { id: '3', handle: 'c.d' }];
const shown = (content, mentioned = []) => {
  const box = document.createElement('div');
  box.append(renderText(content, mentioned));
  return box;
};

test('markup is text', () => {
  const box = shown('<img src=x onerror=alert(1)> <b>no</b> &amp;');
  equal([box.children.length, box.textContent], [0, '<img src=x onerror=alert(1)> <b>no</b> &amp;']);
});

test('links are links, and nothing else is', () => {
  const box = shown('see https://example.com/a?b=1. Not javascript:alert(1) or (http://x.test/y)');
  equal([...box.querySelectorAll('a')].map((a) => a.href), ['https://example.com/a?b=1', 'http://x.test/y']);
  ok([...box.querySelectorAll('a')].every((a) => a.rel.includes('noopener')));
  equal(box.textContent, 'see https://example.com/a?b=1. Not javascript:alert(1) or (http://x.test/y)');
});

test('a bracket belongs to a link where it was opened in it', () => {
  const links = (content) => [...shown(content).querySelectorAll('a')].map((a) => a.textContent);
  equal(links('https://en.wikipedia.org/wiki/Rust_(game)'), ['https://en.wikipedia.org/wiki/Rust_(game)']);
  equal(links('(see https://x.test/a_(b)).'), ['https://x.test/a_(b)']);
  equal(links('(https://x.test/a), [https://x.test/[b]], {https://x.test/c}!'), ['https://x.test/a', 'https://x.test/[b]', 'https://x.test/c']);
  equal(links(`https://x.test/${')'.repeat(16_000)}`), ['https://x.test/']);
});

test('mentions: the longest name, whole words, any case', () => {
  equal(mentionedIn('@Ann lee and @c.d!', people), ['2', '3']);
  equal(mentionedIn('@ann, hi', people), ['1']);
  equal(mentionedIn('mail@ann @anna @cxd', people), []);
  equal(mentionedIn('@ann @ann lee', people), ['1', '2']);
});

test('mentions are marked, the own one more', () => {
  const box = shown('hi @ann lee', [{ ...people[1], me: true }]);
  const mark = box.querySelector('.mention');
  equal([mark.textContent, mark.classList.contains('me'), box.textContent], ['@ann lee', true, 'hi @ann lee']);
});

test('few emoji alone are big', () => {
  equal(['🎉', '👍🏽 ❤️', '👨‍👩‍👧‍👦', '🎉🎉🎉🎉', '🎉 a', '12', '', '#'].map(isBig), [true, true, true, false, false, false, false, false]);
});
