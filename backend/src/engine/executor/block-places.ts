// Where each block's keys and values lie. Attention works in place on one stretch of the pool (in-place-range.ts), but who hands
// out blocks follows their age, so that the prefix cache keeps what is used: once the pool is full, a step's blocks lie
// anywhere. So the executor keeps a place for each block and moves what decodes together, a few blocks at a time: a move is paid once, a
// copy in each step. The blocks' ids, and the bits of the result, are the same.
import type { BlockId } from "#engine/kv/block-id.ts";

/** Two places whose contents change places. */
export type Swap = readonly [number, number];

/** Of a step's blocks, one in so many moves, so that no step takes much longer than its like. */
const blocksPerMove = 8;

export class BlockPlaces {
  // block -> its place, and back
  readonly #placeOf: Int32Array;
  readonly #blockAt: Int32Array;
  // place -> 1 when this step's decodes need it
  readonly #needed: Uint8Array;

  /** At first each block lies at its own number. */
  constructor(numBlocks: number) {
    this.#placeOf = Int32Array.from({ length: numBlocks }, (_, block) => block);
    this.#blockAt = this.#placeOf.slice();
    this.#needed = new Uint8Array(numBlocks);
  }

  /** The table as places. */
  placesOf(blockTable: readonly BlockId[]): BlockId[] {
    return blockTable.map((block) => this.#placeOf[block] as BlockId);
  }

  /** Brings blocks closer together; the caller carries out the moves, in their order, before it asks for a place. */
  moveTogether(blocks: Iterable<BlockId>): readonly Swap[] {
    const numNeeded = this.#mark(blocks);
    const first = this.#densestStretch(numNeeded);
    const swaps: Swap[] = [];
    const mostMoves = Math.ceil(numNeeded / blocksPerMove);
    let free = first;
    for (let place = 0; place < this.#needed.length && swaps.length < mostMoves; place++) {
      if (place === first) place += numNeeded;
      if (this.#needed[place] !== 1) continue;
      // As many places of the stretch are free as needed blocks lie outside it.
      while (this.#needed[free] === 1) free++;
      this.#swap(place, free);
      swaps.push([place, free++]);
    }
    return swaps;
  }

  #mark(blocks: Iterable<BlockId>): number {
    this.#needed.fill(0);
    let numNeeded = 0;
    for (const block of blocks) {
      const place = this.#placeOf[block] ?? 0;
      if (this.#needed[place] === 0) numNeeded++;
      this.#needed[place] = 1;
    }
    return numNeeded;
  }

  /** Where the `length` consecutive places begin that hold most of what is needed: the first of equals. */
  #densestStretch(length: number): number {
    let held = 0;
    let most = -1;
    let best = 0;
    for (let end = 0; end < this.#needed.length; end++) {
      held += this.#needed[end] ?? 0;
      if (end >= length) held -= this.#needed[end - length] ?? 0;
      if (end >= length - 1 && held > most) {
        most = held;
        best = end - length + 1;
      }
    }
    return best;
  }

  #swap(a: number, b: number): void {
    const blockAtA = this.#blockAt[a] ?? 0;
    const blockAtB = this.#blockAt[b] ?? 0;
    this.#blockAt[a] = blockAtB;
    this.#blockAt[b] = blockAtA;
    this.#placeOf[blockAtA] = b;
    this.#placeOf[blockAtB] = a;
  }
}
