// Getting a fresh token.

/** Asks the page for a token, one question at a time. */
export class FreshToken {
  #asking = null;

  /** @param {(() => Promise<string|null|undefined>)|undefined} refresh */
  constructor(refresh) {
    this.refresh = refresh;
  }

  /** @returns {Promise<{token: string|null, asked: boolean}>}  `asked` is false where asking failed: nobody said that there is none */
  ask() {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #ask() {
    try {
      return { token: (await this.refresh?.()) || null, asked: true };
    } catch {
      return { token: null, asked: false };
    }
  }
}
