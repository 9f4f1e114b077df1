// Many tokens are put into rank order by the bits of their logits, from the last digit on (Knuth, The Art of Computer Programming,
// 5.2.5), in time in their number: a request that cuts a flat row of 150,000 at nearly all of it would otherwise take 30 ms of every
// step. Few take less on the heap of rank.ts. The order is the same.
import { sortByRank } from "./rank.ts";

/** Fewer are sorted on the heap. */
export const fewestSorted = 2048;
const DIGIT_BITS = 11;
const NUM_DIGITS = 3;
const NUM_BUCKETS = 2 ** DIGIT_BITS;

/** Holds scratch memory for as many tokens as there may be; reads them as `outranks` in rank.ts does. */
export class RankSorter {
  readonly #logits: Float32Array;
  /** The bits of `#logits`, then keys that ascend as the rank does. */
  readonly #keys: Uint32Array;
  readonly #otherKeys: Uint32Array;
  readonly #otherIds: Int32Array;
  readonly #starts = new Uint32Array(NUM_BUCKETS);

  constructor(maxCount: number) {
    this.#logits = new Float32Array(maxCount);
    this.#keys = new Uint32Array(this.#logits.buffer);
    this.#otherKeys = new Uint32Array(maxCount);
    this.#otherIds = new Int32Array(maxCount);
  }

  /** Puts `ids[0 … count - 1]` into rank order; those of equal logits must be in it. */
  sort(logits: Float32Array, count: number, ids: Int32Array): void {
    if (count < fewestSorted) return sortByRank(logits, count, ids);
    this.#writeKeys(logits, count, ids);
    let [from, to] = [
      { keys: this.#keys, ids },
      { keys: this.#otherKeys, ids: this.#otherIds },
    ];
    for (let digit = 0; digit < NUM_DIGITS; digit += 1) {
      this.#moveByDigit(from, to, count, digit * DIGIT_BITS);
      [from, to] = [to, from];
    }
    if (from.ids !== ids) ids.set(from.ids.subarray(0, count));
  }

  #writeKeys(logits: Float32Array, count: number, ids: Int32Array): void {
    for (let index = 0; index < count; index += 1) {
      // Of two zeros, neither outranks the other: the sum has no minus.
      this.#logits[index] = (logits[ids[index] ?? 0] ?? 0) + 0;
      const bits = this.#keys[index] ?? 0;
      // Without their sign, bits ascend with the size.
      this.#keys[index] = bits >>> 31 === 1 ? bits : ~bits & 0x7f_ff_ff_ff;
    }
  }

  /** In the order of one digit, and within that in the order that they had. */
  #moveByDigit(from: Keyed, to: Keyed, count: number, shift: number): void {
    const starts = this.#starts.fill(0);
    for (let index = 0; index < count; index += 1) {
      const digit = digitAt(from.keys, index, shift);
      starts[digit] = (starts[digit] ?? 0) + 1;
    }
    let next = 0;
    for (let digit = 0; digit < NUM_BUCKETS; digit += 1) {
      const size = starts[digit] ?? 0;
      starts[digit] = next;
      next += size;
    }
    for (let index = 0; index < count; index += 1) {
      const digit = digitAt(from.keys, index, shift);
      const place = starts[digit] ?? 0;
      starts[digit] = place + 1;
      to.keys[place] = from.keys[index] ?? 0;
      to.ids[place] = from.ids[index] ?? 0;
    }
  }
}

/** Tokens and their keys, side by side. */
interface Keyed {
  readonly keys: Uint32Array;
  readonly ids: Int32Array;
}

function digitAt(keys: Uint32Array, index: number, shift: number): number {
  return ((keys[index] ?? 0) >>> shift) & (NUM_BUCKETS - 1);
}
