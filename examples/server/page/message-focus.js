// Moving among messages with the keyboard: one of them at a time can be reached with Tab.

/** Whether Tab goes to what a message links to. @param {Element} element @param {0|-1} index */
const links = (element, index) => {
  for (const link of element.querySelectorAll('a')) link.tabIndex = index;
};

export class MessageFocus {
  /** @param {HTMLElement} list @param {() => void} compose  leaves the list for the composer */
  constructor(list, compose) {
    this.list = list;
    this.compose = compose;
    this.stopAt = null;
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const element = event.target.closest('.message');
    // A player has keys of its own.
    if (!element || event.target.closest('audio, video') || event.ctrlKey || event.metaKey || event.altKey) return;
    const onMessage = event.target === element;
    const go = (target) => {
      event.preventDefault();
      if (target) this.#stop(target, true);
    };
    const all = [...this.list.querySelectorAll('.message')];
    const at = all.indexOf(element);
    const controls = [...element.querySelectorAll('button, a, audio, video')];
    const control = controls.indexOf(event.target);
    const press = (act) => {
      const button = element.querySelector(`.tools [data-testid="${act}"]`);
      if (!onMessage || !button) return;
      event.preventDefault();
      button.click();
    };
    switch (event.key) {
      case 'ArrowUp': return go(all[at - 1]);
      case 'ArrowDown': return at === all.length - 1 ? this.compose() : go(all[at + 1]);
      case 'Home': return go(all[0]);
      case 'End': return go(all.at(-1));
      case 'ArrowRight':
      case 'ArrowLeft': {
        event.preventDefault();
        const next = controls[control + (event.key === 'ArrowRight' ? 1 : -1)];
        return (next ?? element).focus();
      }
      case 'Escape': return onMessage ? this.compose() : element.focus();
      case 'r': return press('reply');
      case 'e': return press('edit');
      case 'Delete': return press('delete');
      case '+': return press('react');
    }
  }

  #stop(element, focus) {
    if (this.stopAt && this.stopAt !== element) {
      this.stopAt.tabIndex = -1;
      links(this.stopAt, -1);
    }
    this.stopAt = element;
    element.tabIndex = 0;
    links(element, 0);
    if (focus) element.focus();
  }

  /** After the list was drawn anew. */
  restoreStop() {
    const key = this.stopAt?.dataset.key;
    const element = (document.activeElement?.closest?.('.message') && this.list.keyed?.get(key)?.node) || [...this.list.querySelectorAll('.message')].at(-1);
    if (element) this.#stop(element, false);
  }

  /** Where the focus is, to find it again after drawing. */
  inside() {
    const active = document.activeElement;
    const element = active?.closest?.('.message');
    if (!element || !this.list.contains(element)) return null;
    return { active, key: element.dataset.key, testid: active.dataset.testid, emoji: active.dataset.emoji };
  }

  restore(focus) {
    if (!focus || focus.active.isConnected) return;
    const node = this.list.keyed.get(focus.key)?.node;
    if (!node) return;
    const same = [...node.querySelectorAll('button')].find((button) => button.dataset.testid === focus.testid && button.dataset.emoji === focus.emoji);
    (same ?? node).focus({ preventScroll: true });
  }
}
