// Says when the connection is away, and since when it matters.

import { $ } from './dom.js';

/** A break that heals at once is not worth a word. */
const PATIENCE = 700;

export class Banner {
  /** @param {import('./store.js').Store} store @param {AbortSignal} signal */
  constructor(store, signal) {
    this.store = store;
    this.everReady = false;
    $('banner-retry').addEventListener('click', () => store.client.wake(), { signal });
    // The connection finds out in its own time, the browser knows.
    addEventListener('offline', () => this.#show(), { signal });
    addEventListener('online', () => this.update(), { signal });
    signal.addEventListener('abort', () => {
      clearTimeout(this.timer);
      $('banner').hidden = true;
    });
  }

  update() {
    const { state } = this.store.client;
    if (state === 'ready') {
      this.everReady = true;
      clearTimeout(this.timer);
      this.timer = null;
      $('banner').hidden = true;
      return;
    }
    this.timer ??= setTimeout(() => this.#show(), PATIENCE);
  }

  #show() {
    $('banner-text').textContent = navigator.onLine === false ? 'You are offline. What you write is sent later.' : this.everReady ? 'Reconnecting…' : 'Connecting…';
    $('banner').hidden = false;
  }
}
