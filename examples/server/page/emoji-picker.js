// A few emoji to choose from.

import { h } from './dom.js';

const COLUMNS = 8;
const EMOJI = [
  ['👍', 'thumbs up'], ['❤️', 'heart'], ['😂', 'tears of joy'], ['🎉', 'party'], ['😮', 'surprised'], ['😢', 'crying'], ['🙏', 'thanks'], ['🔥', 'fire'],
  ['😀', 'grin'], ['😊', 'smile'], ['😍', 'in love'], ['😘', 'kiss'], ['😉', 'wink'], ['😎', 'cool'], ['🤔', 'thinking'], ['🙄', 'rolling eyes'],
  ['😅', 'sweat smile'], ['😇', 'angel'], ['🤗', 'hug'], ['🤩', 'star-struck'], ['😴', 'asleep'], ['😭', 'sobbing'], ['😡', 'angry'], ['🤯', 'mind blown'],
  ['👎', 'thumbs down'], ['👏', 'applause'], ['🙌', 'hooray'], ['👋', 'wave'], ['💪', 'strong'], ['🤝', 'handshake'], ['✌️', 'victory'], ['👀', 'eyes'],
  ['✅', 'done'], ['❌', 'no'], ['❓', 'question'], ['❗', 'important'], ['💯', 'hundred'], ['⭐', 'star'], ['✨', 'sparkles'], ['💡', 'idea'],
  ['🚀', 'rocket'], ['🌈', 'rainbow'], ['☀️', 'sun'], ['🌙', 'moon'], ['🍕', 'pizza'], ['☕', 'coffee'], ['🎂', 'cake'], ['🎁', 'present'],
];

let close = null;

/**
 * Opens beside `anchor`; one at a time.
 * @param {HTMLElement} anchor
 * @param {(emoji: string) => void} picked
 */
export function emojiPicker(anchor, picked) {
  close?.();
  const grid = h('div', { class: 'emoji-grid' }, ...EMOJI.map(([emoji, name], index) => h('button', {
    type: 'button', 'aria-label': name, title: name, tabindex: index === 0 ? 0 : -1, dataset: { testid: 'emoji-option', emoji }, text: emoji,
  })));
  const box = h('div', { class: 'emoji-picker', role: 'dialog', 'aria-label': 'Choose an emoji', dataset: { testid: 'emoji-picker' } }, grid);
  const stop = new AbortController();
  close = () => {
    close = null;
    stop.abort();
    box.remove();
  };
  const back = () => {
    close?.();
    anchor.focus?.();
  };
  grid.addEventListener('click', (event) => {
    const { emoji } = event.target.closest('button')?.dataset ?? {};
    if (!emoji) return;
    back();
    picked(emoji);
  });
  box.addEventListener('keydown', (event) => {
    event.stopPropagation();
    const all = [...grid.children];
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS }[event.key];
    if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      back();
    } else if (step) {
      event.preventDefault();
      all[all.indexOf(document.activeElement) + step]?.focus();
    }
  });
  document.addEventListener('pointerdown', (event) => box.contains(event.target) || close?.(), { signal: stop.signal, capture: true });
  window.addEventListener('resize', () => close?.(), { signal: stop.signal });
  document.body.append(box);
  place(box, anchor.getBoundingClientRect());
  grid.firstElementChild.focus();
}

function place(box, anchor) {
  const { width, height } = box.getBoundingClientRect();
  const left = Math.min(Math.max(8, anchor.left + anchor.width / 2 - width / 2), innerWidth - width - 8);
  const above = anchor.top - height - 8;
  box.style.left = `${left}px`;
  box.style.top = `${above > 8 ? above : Math.min(anchor.bottom + 8, innerHeight - height - 8)}px`;
}
