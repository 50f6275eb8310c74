// Finding people by name and choosing some.

import { avatar, h, icon, toast } from './dom.js';
import { findPeople } from './session.js';

const WAIT = 150;

/**
 * @param {{store: import('./store.js').Store, one?: boolean, without?: Set<string>, changed: (ids: string[]) => void}} options
 * @returns {{element: HTMLElement, chosen: () => string[], one: (yes: boolean) => void, focus: () => void}}
 */
export function peoplePicker({ store, one = false, without = new Set(), changed }) {
  /** @type {Map<string, string>} */
  const chosen = new Map();
  let found = [];
  let asked = 0;
  let timer;
  const chips = h('div', { class: 'chips' });
  const input = h('input', { type: 'search', placeholder: 'Search people by name', 'aria-label': 'Search people by name', autocomplete: 'off', spellcheck: 'false', dataset: { testid: 'people-search' } });
  const list = h('div', { class: 'found', dataset: { testid: 'people-found' } });
  const element = h('div', { class: 'people-picker' }, chips, input, list);

  function draw() {
    chips.replaceChildren(...(one ? [] : [...chosen]).map(([id, name]) => h('button', { type: 'button', class: 'chip', 'aria-label': `Remove ${name}`, dataset: { testid: 'person-chip', user: id }, on: { click: () => toggle(id, name) } },
      avatar({ name, seed: id }), name, icon('close'))));
    if (found.length === 0) return list.replaceChildren(h('p', { class: 'found-empty', text: asked === 0 ? 'Searching…' : input.value.trim() ? 'Nobody of that name.' : 'Nobody else is here yet.' }));
    list.replaceChildren(...found.map(({ id, username }) => h('button', {
      type: 'button', class: 'found-row', 'aria-pressed': String(chosen.has(id)), 'aria-selected': chosen.has(id) ? 'true' : null, dataset: { testid: 'person', user: id, name: username }, on: { click: () => toggle(id, username) },
    }, avatar({ name: username, seed: id, presence: store.people.status(id) }), h('span', { class: 'name', text: username }), chosen.has(id) && icon('check'))));
  }

  function toggle(id, name) {
    if (chosen.has(id)) chosen.delete(id);
    else {
      if (one) chosen.clear();
      chosen.set(id, name);
    }
    draw();
    changed([...chosen.keys()]);
    input.focus();
  }

  async function search() {
    const text = input.value.trim();
    try {
      const people = await findPeople(store.client.token, text);
      if (text !== input.value.trim()) return;
      asked += 1;
      found = people.filter(({ id }) => id !== store.me && !without.has(id));
    } catch (error) {
      toast(error.message, 'error');
    }
    draw();
  }

  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(search, WAIT);
  });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown') {
      event.preventDefault();
      list.querySelector('button')?.focus();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      list.querySelector('button')?.click();
    }
  });
  list.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const rows = [...list.children];
    (rows[rows.indexOf(document.activeElement) + step] ?? input).focus();
  });
  draw();
  search();
  return {
    element,
    chosen: () => [...chosen.keys()],
    one: (yes) => {
      one = yes;
      if (one && chosen.size > 1) for (const id of [...chosen.keys()].slice(1)) chosen.delete(id);
      draw();
      changed([...chosen.keys()]);
    },
    focus: () => input.focus(),
  };
}
