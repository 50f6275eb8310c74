// Dark and light: what the system says, until somebody chooses.

import { $, icon } from './dom.js';

const KEY = 'chat.theme';
const system = matchMedia('(prefers-color-scheme: dark)');

const chosen = () => localStorage.getItem(KEY);
const isDark = () => (chosen() ? chosen() === 'dark' : system.matches);

function show() {
  const theme = chosen();
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  const label = isDark() ? 'Use light colours' : 'Use dark colours';
  for (const button of [$('theme-toggle'), $('auth-theme-toggle')]) {
    if (!button) continue;
    button.replaceChildren(icon(isDark() ? 'sun' : 'moon'));
    button.setAttribute('aria-label', label);
    button.title = label;
  }
}

export function startTheme() {
  for (const button of [$('theme-toggle'), $('auth-theme-toggle')]) {
    button.addEventListener('click', () => {
      const wanted = isDark() ? 'light' : 'dark';
      // Back to what the system says: nothing to remember.
      if ((wanted === 'dark') === system.matches) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, wanted);
      show();
    });
  }
  system.addEventListener('change', show);
  show();
}
