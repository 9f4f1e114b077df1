import type { BlockId } from "./block-id.ts";
import { LowestFree } from "./lowest-free.ts";

/**
 * Which blocks of the KV pool are free and which are owned. It holds no keys or values: the executor owns the memory,
 * the pool owns the right to use it.
 *
 * Invariants:
 * 1. A block is either free or owned, never both.
 * 2. numFree + numOwned = numBlocks.
 * 3. The lowest free ids are handed out first.
 */
export class BlockPool {
  readonly numBlocks: number;
  /** Tokens a block holds. */
  readonly blockSize: number;
  readonly #free: LowestFree;
  /** blockId -> 1 when owned. */
  readonly #owned: Uint8Array;

  constructor(numBlocks: number, blockSize: number) {
    this.numBlocks = numBlocks;
    this.blockSize = blockSize;
    this.#free = new LowestFree(numBlocks);
    this.#owned = new Uint8Array(numBlocks);
  }

  get numFree(): number {
    return this.#free.size;
  }

  /** Blocks that hold `numTokens` positions. */
  blocksFor(numTokens: number): number {
    return Math.ceil(numTokens / this.blockSize);
  }

  /** All or nothing: absent, with nothing taken, when fewer than `count` are free. */
  allocate(count: number): BlockId[] | undefined {
    if (count > this.#free.size) return undefined;
    return Array.from({ length: count }, () => this.#take());
  }

  /** @throws when a block is not owned; the blocks before it are then freed already. */
  free(blockIds: readonly BlockId[]): void {
    for (const id of blockIds) {
      if (this.#owned[id] !== 1) throw new Error(`block ${id} is freed but not owned`);
      this.#owned[id] = 0;
      this.#free.push(id);
    }
  }

  #take(): BlockId {
    const id = this.#free.pop();
    if (id === undefined || this.#owned[id] !== 0) throw new Error(`block ${id} is both free and owned`);
    this.#owned[id] = 1;
    return id;
  }
}
