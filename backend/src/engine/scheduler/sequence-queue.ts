import type { Sequence } from "./sequence.ts";

/** Sequences in an order that does not change while they are in it. Lookups are O(log n), changes move at most n references. */
export class SequenceQueue implements Iterable<Sequence> {
  readonly #sequences: Sequence[] = [];
  readonly #compare: (a: Sequence, b: Sequence) => number;

  /** @param compare negative when the first comes before the second; zero for a sequence and itself only. */
  constructor(compare: (a: Sequence, b: Sequence) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#sequences.length;
  }

  /** Absent when empty. */
  get first(): Sequence | undefined {
    return this.#sequences[0];
  }

  /** Absent when empty. */
  get last(): Sequence | undefined {
    return this.#sequences.at(-1);
  }

  /** In order. Do not change the queue meanwhile: take `snapshot` for that. */
  [Symbol.iterator](): Iterator<Sequence> {
    return this.#sequences.values();
  }

  snapshot(): readonly Sequence[] {
    return [...this.#sequences];
  }

  has(sequence: Sequence): boolean {
    return this.#sequences[this.#indexFor(sequence)] === sequence;
  }

  insert(sequence: Sequence): void {
    this.#sequences.splice(this.#indexFor(sequence), 0, sequence);
  }

  /** False when the sequence was not in the queue. */
  remove(sequence: Sequence): boolean {
    const index = this.#indexFor(sequence);
    if (this.#sequences[index] !== sequence) return false;
    this.#sequences.splice(index, 1);
    return true;
  }

  /** Where the sequence is, or belongs. */
  #indexFor(sequence: Sequence): number {
    let low = 0;
    let high = this.#sequences.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#sequences[middle];
      if (other !== undefined && this.#compare(other, sequence) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
