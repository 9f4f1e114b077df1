import type { Clock } from "#edge/clock.ts";

export interface BoardCopyParts<Value> {
  /** Before the board has answered. */
  readonly nothing: Value;
  /** Asks the board, which may say that what is known is still so. */
  readonly ask: (known: Value) => Promise<Value>;
  /** A refresh that takes longer is given up for lost: its request may have been cancelled under it. */
  readonly giveUpMs: number;
  readonly now: Clock;
}

/**
 * An isolate's copy of what a board says, one Durable Object for the world, and how old it is. How old it may be, and who waits for
 * a refresh, is for those to say who read it.
 */
export class BoardCopy<Value> {
  readonly #parts: BoardCopyParts<Value>;
  #value: Value;
  /** When the board was asked. */
  #asOfMs = Number.NEGATIVE_INFINITY;
  /** Present while a refresh runs. */
  #refreshStartedAtMs: number | undefined;
  #numOutdated = 0;

  constructor(parts: BoardCopyParts<Value>) {
    this.#parts = parts;
    this.#value = parts.nothing;
  }

  get value(): Value {
    return this.#value;
  }

  /** Infinity: nothing is known, or it is known to be otherwise. */
  get ageMs(): number {
    return this.#parts.now() - this.#asOfMs;
  }

  get isRefreshing(): boolean {
    const startedAtMs = this.#refreshStartedAtMs;
    return startedAtMs !== undefined && this.#parts.now() - startedAtMs < this.#parts.giveUpMs;
  }

  /** Rejects when the board does not answer: what is known then ages. A refresh of its own, also while another request's runs. */
  async refresh(): Promise<void> {
    const { ask, now } = this.#parts;
    const startedAtMs = now();
    const numOutdated = this.#numOutdated;
    this.#refreshStartedAtMs = startedAtMs;
    try {
      const value = await ask(this.#value);
      // One that was overtaken by another tells nothing new.
      if (startedAtMs < this.#asOfMs) return;
      this.#value = value;
      // Nor is it fresh, if the board was changed while it was under way.
      if (numOutdated === this.#numOutdated) this.#asOfMs = startedAtMs;
    } finally {
      if (this.#refreshStartedAtMs === startedAtMs) this.#refreshStartedAtMs = undefined;
    }
  }

  /** The board was changed from here: who reads next has to hear it. */
  outdate(): void {
    this.#numOutdated += 1;
    this.#asOfMs = Number.NEGATIVE_INFINITY;
  }
}
