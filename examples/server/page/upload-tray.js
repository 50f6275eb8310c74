// The files of what is being written, above the composer: how far they are, and what went wrong.

import { sizeText } from './attachments.js';
import { $, h, icon, iconButton, reconcile } from './dom.js';

export class UploadTray {
  /** @param {import('./uploads.js').Uploads} uploads @param {(id: string) => string} url */
  constructor(uploads, url) {
    this.uploads = uploads;
    this.url = url;
    this.list = $('uploads');
    this.told = new Map();
  }

  /** @param {number|undefined} room */
  draw(room) {
    const items = room === undefined ? [] : this.uploads.of(room);
    this.list.hidden = items.length === 0;
    reconcile(this.list, items.map((item) => this.#item(item)));
    for (const item of items) {
      const { node } = this.list.keyed.get(`u${item.id}`);
      const bar = node.querySelector('progress');
      if (bar) bar.value = item.progress;
    }
    this.#announce(items);
  }

  #item(item) {
    // Progress is written into the element that stands.
    return { key: `u${item.id}`, sig: JSON.stringify([item.state, item.error]), build: () => this.#build(item) };
  }

  #build(item) {
    const { id, file, state, error, attachment } = item;
    const size = sizeText(file.size);
    const isImage = state === 'done' && attachment.kind === 'image';
    const about = state === 'failed' ? h('small', { class: 'upload-error', dataset: { testid: 'upload-error' }, text: error })
      : state === 'done' ? h('small', { text: size })
      : h('progress', { max: 1, value: item.progress, 'aria-label': `Uploading ${file.name}`, dataset: { testid: 'upload-progress' } });
    return h('li', { class: 'upload', dataset: { testid: 'upload', state, name: file.name } },
      isImage ? h('img', { class: 'upload-face', src: this.url(attachment.id), alt: '', width: 40, height: 40 }) : h('span', { class: 'upload-face' }, icon(state === 'failed' ? 'alert' : 'file')),
      h('span', { class: 'upload-about' }, h('b', { dir: 'auto', title: file.name, text: file.name }), about),
      item.again && state === 'failed' && h('button', { type: 'button', class: 'link', dataset: { testid: 'upload-retry' }, text: 'Try again', on: { click: () => this.uploads.retry(id) } }),
      iconButton('close', `${state === 'waiting' || state === 'sending' ? 'Cancel' : 'Remove'} ${file.name}`, { class: 'small', dataset: { testid: 'upload-remove' }, on: { click: () => this.#remove(id) } }));
  }

  #remove(id) {
    this.uploads.remove(id);
    // The button that had the focus is gone.
    $('composer-input').focus({ preventScroll: true });
  }

  /** What has come to its end, for those who listen. */
  #announce(items) {
    const news = items.filter((item) => (item.state === 'done' || item.state === 'failed') && this.told.get(item.id) !== item.state);
    this.told = new Map(items.map((item) => [item.id, item.state]));
    if (news.length > 0) $('announce').textContent = news.map(({ file, state, error }) => (state === 'done' ? `${file.name} is uploaded` : `${file.name}: ${error}`)).join('. ');
  }
}
