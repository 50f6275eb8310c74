// What can go wrong, and what to do then.

/** An error of the server (`code` is the protocol's) or of this client (`offline`, `closed`, `timeout`, `outbox_full`). */
export class ChatError extends Error {
  /** @param {{code?: string, message?: string, retryable?: boolean, retry_after_ms?: number, field?: string, status?: number}} about */
  constructor(about) {
    super(about.message || about.code || 'unknown error');
    this.name = 'ChatError';
    this.code = about.code || 'internal';
    this.retryable = about.retryable === true || RETRYABLE.has(this.code);
    this.retry_after_ms = about.retry_after_ms;
    this.field = about.field;
    this.status = about.status;
  }
}

/** Codes after which the same command may be sent again, whatever `retryable` says. */
const RETRYABLE = new Set(['rate_limited', 'unavailable', 'outcome_unknown']);

/**
 * What to do when a connection ends with a close code.
 * @param {number} code
 * @returns {"resume"|"wait"|"refresh"|"stop"}
 */
export function closeAction(code) {
  switch (code) {
    case 4400: // we spoke the protocol badly: doing so again helps nobody
    case 4403: // not allowed in
    case 4409: // one connection too many, and this was the oldest
    case 1009: // we sent something too large
      return 'stop';
    case 4401: // the token is not, or no longer, good
      return 'refresh';
    case 4429: // we sent too much
      return 'wait';
    default: // 1001, 1006, 1011, 1012, 4408, …
      return 'resume';
  }
}
