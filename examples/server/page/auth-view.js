// Signing up and signing in.

import { $, icon } from './dom.js';
import { enter, wasHere } from './session.js';

const WORDS = {
  signup: { title: 'Create an account', lead: 'A name and a password are all it takes.' },
  login: { title: 'Welcome back', lead: 'Sign in to go on where you were.' },
};

const form = (way) => $(`${way}-form`);

function show(way) {
  for (const each of ['signup', 'login']) form(each).hidden = each !== way;
  $('auth-title').textContent = WORDS[way].title;
  $('auth-lead').textContent = WORDS[way].lead;
  $(`${way}-name`).focus();
}

/** @param {(session: import('./session.js').Session) => void} entered */
export function startAuth(entered) {
  document.querySelector('.auth-mark').append(icon('chat'));
  for (const way of ['signup', 'login']) {
    form(way).addEventListener('submit', async (event) => {
      event.preventDefault();
      const name = $(`${way}-name`).value.trim();
      const password = $(`${way}-password`).value;
      const problem = form(way).querySelector('.form-error');
      const button = form(way).querySelector('[type=submit]');
      if (!name || !password) {
        problem.textContent = name ? 'Choose a password.' : 'Enter a name.';
        $(`${way}-${name ? 'password' : 'name'}`).focus();
        return;
      }
      problem.textContent = '';
      button.disabled = true;
      try {
        const session = await enter(way, name, password);
        form(way).reset();
        entered(session);
      } catch (error) {
        problem.textContent = error.message;
        $(`${way}-password`).select();
      } finally {
        button.disabled = false;
      }
    });
    form(way).querySelector('[data-show]').addEventListener('click', (event) => {
      const other = event.currentTarget.dataset.show;
      $(`${other}-name`).value = $(`${way}-name`).value;
      show(other);
    });
  }
}

/** @param {string} [message] why one is here again */
export function showAuth(message) {
  $('app').hidden = true;
  $('auth').hidden = false;
  const way = wasHere() ? 'login' : 'signup';
  show(way);
  form(way).querySelector('.form-error').textContent = message ?? '';
}
