// Text stands out from what it is written on, by 4.5 to 1 at least.

import { hue } from '/dom.js';
import { ok, test } from '/selftest/harness.js';

const LEAST = 4.5;

/** Every text colour, and what it is written on. */
const PAIRS = [
  ['--text-2', ['--bg', '--bg-side', '--bg-log', '--bg-hover', '--bg-active', '--bubble', '--bubble-own']],
  ['--text-3', ['--bg', '--bg-side', '--bg-hover', '--bg-active', '--bg-field', '--bubble']],
  ['--tick', ['--bubble-own']],
  ['--danger', ['--bg', '--bg-side', '--bg-log', '--bg-hover']],
  ['--online-text', ['--bg', '--bg-hover']],
  ['--on-accent', ['--accent-fill']],
];

async function styles(names) {
  const links = names.map((name) => Object.assign(document.createElement('link'), { rel: 'stylesheet', href: `/${name}.css` }));
  const loaded = links.map((link) => new Promise((resolve, reject) => Object.assign(link, { onload: resolve, onerror: reject })));
  document.head.append(...links);
  await Promise.all(loaded);
  return () => links.forEach((link) => link.remove());
}

const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });

/** The light of a colour over others. @param {...string} colours  the lowest first */
function light(...colours) {
  for (const colour of colours) {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
  }
  const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);

test('text stands out, in light and in dark', async () => {
  const undo = await styles(['app', 'conversation']);
  const box = document.createElement('div');
  document.body.append(box);
  const weak = [];
  const look = (what, found) => found < LEAST && weak.push(`${what}: ${found.toFixed(2)}`);
  try {
    for (const scheme of ['light', 'dark']) {
      box.style.colorScheme = scheme;
      const colour = (name) => {
        box.style.color = `var(${name})`;
        return getComputedStyle(box).color;
      };
      for (const [text, grounds] of PAIRS) for (const ground of grounds) look(`${scheme} ${text} on ${ground}`, ratio(light(colour(text)), light(colour(ground))));
      for (const side of ['', 'own', 'mentioned']) {
        box.innerHTML = `<div class="message ${side}"><div class="bubble"><span class="text"><span class="mention">@ann</span></span><span class="meta">12:00</span></div></div>`;
        const style = (selector) => getComputedStyle(box.querySelector(selector));
        const ground = style('.bubble').backgroundColor;
        look(`${scheme} mention ${side}`, ratio(light(style('.mention').color), light(ground, style('.mention').backgroundColor)));
        look(`${scheme} time ${side}`, ratio(light(style('.meta').color), light(ground)));
      }
      box.innerHTML = '<span class="avatar">AB</span>';
      for (let seed = 0; seed < 100; seed += 1) {
        box.firstChild.style.setProperty('--hue', hue(seed));
        const style = getComputedStyle(box.firstChild);
        look(`${scheme} avatar of hue ${hue(seed)}`, ratio(light(style.color), light(style.backgroundColor)));
      }
    }
  } finally {
    box.remove();
    undo();
  }
  ok(weak.length === 0, weak.slice(0, 12).join('; '));
});
