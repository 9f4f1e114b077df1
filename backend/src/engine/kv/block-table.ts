import type { BlockId } from "./block-id.ts";
import type { BlockPool } from "./block-pool.ts";

/** One sequence's blocks in position order: token position p lives in block `blockIds[floor(p / blockSize)]`. */
export class BlockTable {
  readonly #pool: BlockPool;
  #blockIds: BlockId[] = [];

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  get blockIds(): readonly BlockId[] {
    return this.#blockIds;
  }

  /**
   * Makes room for `numTokens` positions in total; never shrinks.
   * False, with nothing changed, when the pool has too few free blocks.
   */
  growTo(numTokens: number): boolean {
    const numMissing = this.#pool.blocksFor(numTokens) - this.#blockIds.length;
    if (numMissing <= 0) return true;
    const blockIds = this.#pool.allocate(numMissing);
    if (blockIds === undefined) return false;
    this.#blockIds.push(...blockIds);
    return true;
  }

  /** Gives every block back and leaves the table empty; a table that is released may grow again. */
  release(): void {
    const blockIds = this.#blockIds;
    this.#blockIds = [];
    this.#pool.free(blockIds);
  }
}
