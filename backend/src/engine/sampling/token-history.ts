/**
 * Which tokens a sequence has had, as penalties count them. It is derived from the known tokens alone, each read once, so
 * a sequence that is preempted and computed again loses and repeats nothing.
 */
export class TokenHistory {
  readonly #numPromptTokens: number;
  readonly #promptIds = new Set<number>();
  /** token id -> how often the output has it, at least 1. */
  readonly #outputCounts = new Map<number, number>();
  #numRead = 0;

  constructor(numPromptTokens: number) {
    this.#numPromptTokens = numPromptTokens;
  }

  /** Distinct, in any order. */
  get promptIds(): ReadonlySet<number> {
    return this.#promptIds;
  }

  get outputCounts(): ReadonlyMap<number, number> {
    return this.#outputCounts;
  }

  /** Reads what is new; `tokenIds` is the prompt, then the output, and begins with what it held before. */
  readUpTo(tokenIds: readonly number[]): void {
    for (; this.#numRead < tokenIds.length; this.#numRead += 1) {
      const tokenId = tokenIds[this.#numRead] ?? 0;
      if (this.#numRead < this.#numPromptTokens) this.#promptIds.add(tokenId);
      else this.#outputCounts.set(tokenId, 1 + (this.#outputCounts.get(tokenId) ?? 0));
    }
  }
}
