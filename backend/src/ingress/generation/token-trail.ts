import type { LoggedToken } from "./logged-token.ts";

/**
 * Holds tokens back as their text is held back, so that a caller is told of a token exactly when some of its text is
 * certain to be output. A token that a stop string cuts off is never told; one that it cuts through is.
 */
export class TokenTrail {
  /** With where the token begins, in UTF-16 units of the decoded text; in order. */
  readonly #held: { readonly token: LoggedToken; readonly start: number }[] = [];

  push(token: LoggedToken, start: number): void {
    this.#held.push({ token, start });
  }

  /** The tokens that begin before `end`, the length of the text that is certain. */
  release(end: number): LoggedToken[] {
    const firstHeld = this.#held.findIndex(({ start }) => start >= end);
    return this.#take(firstHeld < 0 ? this.#held.length : firstHeld);
  }

  /** All that are left, when the output ends without a stop string. */
  flush(): LoggedToken[] {
    return this.#take(this.#held.length);
  }

  #take(count: number): LoggedToken[] {
    return this.#held.splice(0, count).map(({ token }) => token);
  }
}
