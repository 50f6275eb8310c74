// The members that fit what one has typed after an @.

import { $, avatar, h } from './dom.js';

const MOST = 8;

export class MentionBox {
  /**
   * @param {HTMLTextAreaElement} input
   * @param {() => {id: string, name: string, handle: string, presence: string}[]} candidates
   */
  constructor(input, candidates) {
    this.input = input;
    this.candidates = candidates;
    this.box = $('mention-list');
    this.found = [];
    this.at = 0;
    this.box.onpointerdown = (event) => {
      event.preventDefault();
      const option = event.target.closest('.mention-option');
      if (option) this.#take(Number(option.dataset.index));
    };
  }

  get isOpen() {
    return !this.box.hidden;
  }

  /** The text between the last @ and the caret. */
  #typed() {
    const before = this.input.value.slice(0, this.input.selectionStart);
    return before.match(/(?:^|[^\p{L}\p{N}_])@([^@\n]{0,32})$/u)?.[1];
  }

  /** After each change of the text or the caret. */
  update() {
    const typed = this.#typed();
    if (typed === undefined) return this.close();
    const wanted = typed.toLowerCase();
    this.found = this.candidates().filter(({ name, handle }) => handle.toLowerCase().startsWith(wanted) || name.toLowerCase().startsWith(wanted)).slice(0, MOST);
    // The whole name and no other: nothing is left to choose.
    if (this.found.length === 0 || (this.found.length === 1 && this.found[0].handle.toLowerCase() === wanted)) return this.close();
    this.at = 0;
    this.#draw();
  }

  #draw() {
    this.box.replaceChildren(...this.found.map((person, index) => h('div', {
      class: 'mention-option', id: `mention-${index}`, role: 'option', 'aria-selected': String(index === this.at), dataset: { testid: 'mention-option', index },
    }, avatar({ name: person.name, seed: person.id, presence: person.presence }), h('span', { text: person.name }))));
    this.box.hidden = false;
    this.input.setAttribute('aria-activedescendant', `mention-${this.at}`);
    this.input.setAttribute('aria-controls', 'mention-list');
    this.box.children[this.at].scrollIntoView({ block: 'nearest' });
  }

  close() {
    this.box.hidden = true;
    this.input.removeAttribute('aria-activedescendant');
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether it was for the box */
  onKey(event) {
    if (!this.isOpen) return false;
    switch (event.key) {
      case 'ArrowDown':
      case 'ArrowUp':
        this.at = (this.at + (event.key === 'ArrowDown' ? 1 : -1) + this.found.length) % this.found.length;
        this.#draw();
        break;
      case 'Enter':
      case 'Tab':
        this.#take(this.at);
        break;
      case 'Escape':
        this.close();
        break;
      default:
        return false;
    }
    event.preventDefault();
    return true;
  }

  #take(index) {
    const { input } = this;
    const caret = input.selectionStart;
    const start = caret - this.#typed().length;
    input.setRangeText(`${this.found[index].handle} `, start, caret, 'end');
    this.close();
    input.dispatchEvent(new Event('input', { bubbles: true }));
  }
}
