// Dialogs: the browser's own, with a head and a foot.

import { h, iconButton } from './dom.js';

/**
 * Shows a dialog until it is closed.
 * @param {{title: string, testid: string, body: (Node|string)[], foot?: Node[]}} about
 * @returns {{element: HTMLDialogElement, close: () => void, closed: Promise<void>}}
 */
export function openDialog({ title, testid, body, foot = [] }) {
  const id = `${testid}-title`;
  const element = h('dialog', { 'aria-labelledby': id, dataset: { testid } },
    h('div', { class: 'dialog-head' }, h('h2', { id, text: title }), iconButton('close', 'Close', { dataset: { testid: 'dialog-close' }, on: { click: () => element.close() } })),
    h('div', { class: 'dialog-body' }, ...body),
    foot.length > 0 && h('div', { class: 'dialog-foot' }, ...foot));
  element.addEventListener('click', (event) => event.target === element && element.close());
  const closed = new Promise((resolve) => element.addEventListener('close', () => {
    element.remove();
    resolve();
  }, { once: true }));
  document.body.append(element);
  element.showModal();
  return { element, close: () => element.close(), closed };
}

/**
 * Asks before something that cannot be undone.
 * @param {{title: string, text: string, action: string}} about
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, action }) {
  let said = false;
  let dialog;
  const yes = h('button', { type: 'button', class: 'button danger-fill', dataset: { testid: 'confirm' }, text: action, on: { click: () => {
    said = true;
    dialog.close();
  } } });
  const no = h('button', { type: 'button', class: 'button', dataset: { testid: 'confirm-cancel' }, text: 'Cancel', on: { click: () => dialog.close() } });
  dialog = openDialog({ title, testid: 'confirm-dialog', body: [h('p', { text })], foot: [no, yes] });
  yes.focus();
  return dialog.closed.then(() => said);
}
