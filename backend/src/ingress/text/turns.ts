/** Lets so many of the same work be under way at once; the others wait, and come in the order in which they asked. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #numFree: number;

  /** @param most at least 1. */
  constructor(most: number) {
    this.#numFree = most;
  }

  /** What `work` settles with, once it had its turn. */
  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#numFree > 0) this.#numFree -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#numFree += 1;
      else next();
    }
  }
}
