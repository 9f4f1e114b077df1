/** One call's part of it. */
export interface UnreadAccount {
  /** So much more is unread, or less. */
  change(by: number): void;
  /** Nothing of the call is unread any more; closing twice does nothing. */
  close(): void;
}

/**
 * What callers have not read yet, of all calls together: tokens, and the likely ones that are told beside them. When it is more than
 * there may be, the calls of which most is unread are given up, so that who does not read takes no more of the process's memory.
 */
export class UnreadOutput {
  readonly #most: number;
  // how a call is given up -> how much of it is unread
  readonly #calls = new Map<() => void, number>();
  #total = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get total(): number {
    return this.#total;
  }

  /** @param giveUp ends the call, and closes its account. May be called by any account's `change`. */
  open(giveUp: () => void): UnreadAccount {
    this.#calls.set(giveUp, 0);
    return {
      change: (by) => {
        const unread = this.#calls.get(giveUp);
        if (unread === undefined) return;
        this.#calls.set(giveUp, unread + by);
        this.#total += by;
        while (this.#total > this.#most) this.#giveUpLargest();
      },
      close: () => {
        this.#total -= this.#calls.get(giveUp) ?? 0;
        this.#calls.delete(giveUp);
      },
    };
  }

  #giveUpLargest(): void {
    const [largest] = [...this.#calls].toSorted(([, a], [, b]) => b - a)[0] ?? [];
    if (largest === undefined) throw new Error("something is unread, but of no call");
    largest();
    if (this.#calls.has(largest)) throw new Error("a call was given up, but is still accounted for");
  }
}
