// What a search has found is marked as text, where the server has found it.

import { excerpt, isSearchable, marked, searchPattern } from '/highlight.js';
import { equal, test } from '/selftest/harness.js';

const box = (text, query) => {
  const element = document.createElement('div');
  element.append(marked(text, searchPattern(query)));
  return element;
};
const marks = (text, query) => [...box(text, query).querySelectorAll('mark')].map((mark) => mark.textContent);

test('whole words are marked, the last one by its beginning, in any case', () => {
  equal(marks('The garden, GARDENS and gard', 'the gard'), ['The', 'gard', 'GARD', 'gard']);
  equal(marks('gardens garden', 'garden the'), ['garden']);
  equal(marks('Привет, мир', 'привет МИ'), ['Привет', 'ми']);
  equal(marks('ends with ς', 'Σ'), ['ς']);
});

test('pieces of text without spaces are marked anywhere', () => {
  equal(marks('東京都に行きます', '京都'), ['京都']);
  equal(marks('Rustで書いた', 'rust 書い'), ['Rust', '書い']);
  equal(marks('우리학교에서', '학교'), ['학교']);
});

test('signs of a search mean nothing, and markup is text', () => {
  equal(marks('a+b (c) [d] a.b', '(c [d'), ['c', 'd']);
  equal([searchPattern('*"!'), isSearchable('*"!'), isSearchable('x*')], [null, false, true]);
  const element = box('<img src=x onerror=alert(1)> & <mark>', 'img mark');
  equal([element.textContent, element.children.length], ['<img src=x onerror=alert(1)> & <mark>', 2]);
});

test('a long message is cut about the first word that is found', () => {
  const long = `${'before '.repeat(50)}needle ${'after '.repeat(50)}`;
  const cut = excerpt(long, searchPattern('needle'));
  equal([cut.startsWith('…before'), cut.endsWith('…'), cut.length < 170, marks(cut, 'needle')], [true, true, true, ['needle']]);
  equal(excerpt('short\n needle', searchPattern('needle')), 'short needle');
});
