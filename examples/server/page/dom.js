// Building and updating the page's elements. Text only ever becomes text nodes.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Makes an element. `props`: `class`, `text`, `dataset`, `on` (listeners); booleans become empty
 * attributes; everything else is an attribute.
 * @param {string} tag
 * @param {object} [props]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'class') element.className = value;
    else if (name === 'text') element.textContent = value;
    else if (name === 'dataset') {
      for (const [key, entry] of Object.entries(value)) if (entry !== undefined && entry !== null) element.dataset[key] = entry;
    } else if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** @param {string} id @returns {HTMLElement} */
export const $ = (id) => document.getElementById(id);

const ICONS = {
  back: ['M15 5l-7 7 7 7'],
  close: ['M6 6l12 12', 'M18 6L6 18'],
  compose: ['M4 20h4L19 9l-4-4L4 16v4z', 'M13.5 6.5l4 4'],
  compass: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z', 'M15.5 8.5l-2 5-5 2 2-5 5-2z'],
  search: ['M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14z', 'M20 20l-4-4'],
  people: ['M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z', 'M2.5 20c0-3.6 2.9-6 6.500-6s6.500 2.400 6.500 6', 'M16 4.500a3.500 3.500 0 0 1 0 6.300', 'M18 14.500c2.200.8 3.500 2.800 3.500 5.500'],
  person: ['M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z', 'M4.500 20.500c.5-4 3.500-6 7.500-6s7 2 7.500 6'],
  hash: ['M9 4L7 20', 'M17 4l-2 16', 'M4 9h17', 'M3 15h17'],
  info: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z', 'M12 11v5', 'M12 7.800v.2'],
  send: ['M5 12l-1.500-7.500L21 12 3.500 19.500 5 12z', 'M5 12h7'],
  smile: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z', 'M8.500 14.500c.8 1.200 2 1.800 3.500 1.800s2.700-.6 3.500-1.800', 'M9 9.500v.2', 'M15 9.500v.2'],
  reply: ['M10 6L4 12l6 6', 'M4 12h9c4 0 7 2 7 6'],
  edit: ['M4 20h4L19 9l-4-4L4 16v4z'],
  trash: ['M5 7h14', 'M10 7V4.500h4V7', 'M7 7l.8 13h8.400L17 7', 'M10.500 11v5.500', 'M13.500 11v5.500'],
  down: ['M6 9l6 6 6-6'],
  moon: ['M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z'],
  sun: ['M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8z', 'M12 2.500v2', 'M12 19.500v2', 'M2.500 12h2', 'M19.500 12h2', 'M5.300 5.300l1.400 1.400', 'M17.300 17.300l1.400 1.400', 'M5.300 18.700l1.400-1.400', 'M17.300 6.700l1.400-1.400'],
  leave: ['M14 4H6v16h8', 'M11 12h10', 'M17.500 8.500L21 12l-3.500 3.500'],
  clock: ['M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16z', 'M12 8v4.500l3 1.500'],
  alert: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z', 'M12 7.500v5.500', 'M12 16.200v.2'],
  check: ['M5 12.500l4.500 4.500L19.500 7'],
  checks: ['M2 12.500l4.500 4.500L15.500 7', 'M11 16.500l.8.500L21.500 7'],
  plus: ['M12 5v14', 'M5 12h14'],
  chat: ['M4 5h16v11H10l-5 4v-4H4V5z'],
  clip: ['M20 11.500l-8.300 8.300a5 5 0 0 1-7.100-7.100l8.600-8.600a3.400 3.400 0 0 1 4.800 4.800l-8.500 8.500a1.700 1.700 0 0 1-2.400-2.400l7.700-7.700'],
  file: ['M6 3h8l4.500 4.500V21H6V3z', 'M14 3v5h4.500'],
  flag: ['M5 21V4', 'M5 4.500c4-2.500 8 2.500 14 0v9.500c-6 2.500-10-2.500-14 0'],
  image: ['M4 5h16v14H4V5z', 'M4 16l4.500-4.500 4 4 2.500-2.500 5 5', 'M15.500 9.500v.2'],
};

/** @param {keyof ICONS} name @returns {SVGElement} */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  for (const d of ICONS[name]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}

/** A button that shows an icon and says its name. */
export function iconButton(name, label, props = {}) {
  return h('button', { type: 'button', 'aria-label': label, title: label, ...props, class: `icon-button ${props.class ?? ''}` }, icon(name));
}

/** The same number between 0 and 359 for the same text. */
export function hue(text) {
  let hash = 2166136261;
  for (const char of String(text)) hash = Math.imul(hash ^ char.codePointAt(0), 16777619);
  // Steps of the golden angle keep neighbours apart.
  return Math.round(((hash >>> 0) % 360) * 137.508) % 360;
}

/** Up to two letters of a name. */
export function initials(name) {
  const words = name.replace(/[^\p{L}\p{N}\s_.-]/gu, '').split(/[\s_.-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]].map((word) => [...word][0]) : [...(words[0] ?? '?')].slice(0, 2);
  return letters.join('').toUpperCase();
}

/**
 * @param {{name: string, seed: string, room?: "group"|"public", presence?: string}} about
 * @returns {HTMLElement}
 */
export function avatar({ name, seed, room, presence }) {
  const face = h('span', { class: `avatar${room ? ' avatar-room' : ''}`, 'aria-hidden': 'true' },
    room === 'public' ? icon('hash') : h('span', { text: initials(name) }));
  face.style.setProperty('--hue', hue(seed));
  if (presence) face.append(h('span', { class: 'dot', dataset: { presence } }));
  return face;
}

/**
 * Brings `parent`'s children to what `items` describe, keeping the elements that still say the same.
 * @param {HTMLElement} parent
 * @param {{key: string, sig: string, build: () => HTMLElement}[]} items
 */
export function reconcile(parent, items) {
  const known = parent.keyed ?? (parent.keyed = new Map());
  const next = new Map();
  const focused = document.activeElement?.closest?.('[data-key]');
  const focusKey = focused && parent.contains(focused) && document.activeElement === focused ? focused.dataset.key : null;
  let place = parent.firstElementChild;
  for (const item of items) {
    let entry = known.get(item.key);
    if (!entry || entry.sig !== item.sig) {
      const node = item.build();
      node.dataset.key = item.key;
      if (entry) {
        if (place === entry.node) place = node;
        entry.node.replaceWith(node);
      }
      entry = { node, sig: item.sig };
    }
    next.set(item.key, entry);
    if (place === entry.node) place = place.nextElementSibling;
    else parent.insertBefore(entry.node, place);
  }
  for (const [key, entry] of known) if (!next.has(key)) entry.node.remove();
  parent.keyed = next;
  if (focusKey && document.activeElement?.dataset?.key !== focusKey) next.get(focusKey)?.node.focus({ preventScroll: true });
}

/** Runs `action` once before the next paint, however often it is asked for; hidden pages do not paint and get a timer. */
export function oncePerFrame(action) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    const run = () => {
      asked = false;
      action();
    };
    if (document.visibilityState === 'hidden') setTimeout(run, 50);
    else requestAnimationFrame(run);
  };
}

/** A short word that goes by itself. @param {string} text @param {"info"|"error"} [tone] */
export function toast(text, tone = 'info') {
  const box = $('toasts');
  const note = h('div', { class: 'toast', role: tone === 'error' ? 'alert' : 'status', dataset: { tone }, text });
  box.append(note);
  setTimeout(() => note.remove(), 5_000);
}
