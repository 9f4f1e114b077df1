export interface GrammarCacheLimits {
  readonly maxEntries: number;
  /** Of the grammars' texts; what is compiled from them is larger, in proportion. */
  readonly maxBytes: number;
}

/** text of a grammar -> what was made of it; the least recently used ones are given up first. */
export class GrammarCache<Value> {
  readonly #limits: GrammarCacheLimits;
  readonly #giveUp: (value: Value) => void;
  /** In order of use. */
  readonly #values = new Map<string, Value>();
  #numBytes = 0;

  /** @param giveUp called once for every value that leaves the cache. */
  constructor(limits: GrammarCacheLimits, giveUp: (value: Value) => void = () => {}) {
    this.#limits = limits;
    this.#giveUp = giveUp;
  }

  get size(): number {
    return this.#values.size;
  }

  get(text: string): Value | undefined {
    const value = this.#values.get(text);
    if (value === undefined) return undefined;
    this.#values.delete(text);
    this.#values.set(text, value);
    return value;
  }

  /** The text must be new. The newest entry stays, however large it is. */
  set(text: string, value: Value): void {
    this.#values.set(text, value);
    this.#numBytes += text.length;
    for (const oldest of this.#values.keys()) {
      const isWithin = this.#values.size <= this.#limits.maxEntries && this.#numBytes <= this.#limits.maxBytes;
      if (isWithin || oldest === text) break;
      this.#remove(oldest);
    }
  }

  clear(): void {
    for (const text of this.#values.keys()) this.#remove(text);
  }

  #remove(text: string): void {
    const value = this.#values.get(text);
    if (value === undefined) return;
    this.#values.delete(text);
    this.#numBytes -= text.length;
    this.#giveUp(value);
  }
}
