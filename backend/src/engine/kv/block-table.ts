import type { BlockHash, HashChain } from "@sluice/shared/hash-chain.ts";
import type { BlockId } from "./block-id.ts";
import type { BlockPool } from "./block-pool.ts";

/**
 * One sequence's blocks in position order: token position p lives in block `blockIds[floor(p / blockSize)]`.
 *
 * `tokenIds` is always the sequence's known tokens, which only grow.
 *
 * Invariant: a block that others may own too is full and computed, so nobody writes to it any more.
 */
export class BlockTable {
  readonly #pool: BlockPool;
  readonly #chain: HashChain | undefined;
  #blockIds: BlockId[] = [];
  /** Blocks, from the first on, that were found or named. */
  #numPublished = 0;
  #announced: readonly BlockHash[] = [];

  /** Without a chain, no block is shared. */
  constructor(pool: BlockPool, chain?: HashChain) {
    this.#pool = pool;
    this.#chain = chain;
  }

  get blockIds(): readonly BlockId[] {
    return this.#blockIds;
  }

  /**
   * How many tokens an empty table would find computed if it started now: whole blocks from the first on. The last token is
   * never among them, since what comes next is sampled from its logits.
   *
   * @param numSeen how many were found when it was last asked. With it the answer takes a look or two, and is an estimate: a
   *   block is evicted after those that follow it, except where two computed the same at once.
   */
  countCached(tokenIds: readonly number[], numSeen = 0): number {
    const chain = this.#chain;
    if (chain === undefined) return 0;
    const find = (index: number): BlockId | undefined => this.#pool.find(chain.hashOf(index, tokenIds));
    const numAllowed = this.#numShareable(tokenIds);
    let numFound = Math.floor(numSeen / this.#pool.blockSize);
    while (numFound > 0 && find(numFound - 1) === undefined) numFound -= 1;
    while (numFound < numAllowed && find(numFound) !== undefined) numFound += 1;
    return this.#countUsable(numFound, numFound > 0 ? find(numFound - 1) : undefined) * this.#pool.blockSize;
  }

  /** Tells whoever follows the cache that the prompt's full blocks are going to be here, until `retract`. Once at a time. */
  announce(promptTokenIds: readonly number[]): void {
    const chain = this.#chain;
    if (chain === undefined || this.#announced.length > 0) return;
    const numFull = Math.floor(promptTokenIds.length / this.#pool.blockSize);
    this.#announced = Array.from({ length: numFull }, (_, index) => chain.hashOf(index, promptTokenIds));
    this.#pool.expect(this.#announced);
  }

  /** Nothing is going to be computed here any more; what was computed may still be found. */
  retract(): void {
    this.#pool.unexpect(this.#announced);
    this.#announced = [];
  }

  /**
   * Fills an empty table with room for all tokens, sharing the blocks that hold the first of them already. Returns how many
   * tokens those are; absent, with nothing changed, when the pool has too few free blocks for the rest.
   */
  start(tokenIds: readonly number[]): number | undefined {
    const cached = this.#findCached(tokenIds);
    const fresh = this.#pool.acquire(cached, this.#pool.blocksFor(tokenIds.length) - cached.length);
    if (fresh === undefined) return undefined;
    this.#blockIds = [...cached, ...fresh];
    this.#numPublished = cached.length;
    return cached.length * this.#pool.blockSize;
  }

  /**
   * Makes room for `numTokens` positions in total; never shrinks.
   * False, with nothing changed, when the pool has too few free blocks.
   */
  growTo(numTokens: number): boolean {
    const numMissing = this.#pool.blocksFor(numTokens) - this.#blockIds.length;
    if (numMissing <= 0) return true;
    const blockIds = this.#pool.acquire([], numMissing, this.#blockIds);
    if (blockIds === undefined) return false;
    this.#blockIds.push(...blockIds);
    return true;
  }

  /** Lets others find the blocks that `numComputedTokens` tokens fill. */
  publish(tokenIds: readonly number[], numComputedTokens: number): void {
    if (this.#chain === undefined) return;
    const numFull = Math.floor(numComputedTokens / this.#pool.blockSize);
    for (; this.#numPublished < numFull; this.#numPublished += 1) {
      const id = this.#blockIds[this.#numPublished];
      if (id === undefined) throw new Error(`computed tokens have no block ${this.#numPublished}`);
      this.#pool.name(id, this.#chain.hashOf(this.#numPublished, tokenIds));
    }
  }

  /** Gives every block back and leaves the table empty; a table that is released may start again. */
  release(): void {
    // The last block first: a block is of use only together with all those before it.
    const blockIds = this.#blockIds.toReversed();
    this.#blockIds = [];
    this.#numPublished = 0;
    this.#pool.free(blockIds);
  }

  /** Blocks that may be found: the last token is computed in any case. */
  #numShareable(tokenIds: readonly number[]): number {
    return Math.floor((tokenIds.length - 1) / this.#pool.blockSize);
  }

  /**
   * Of blocks that were found, the first ones: a tile that is only begun is of use when the next block in it is there to take. Else
   * its blocks would lie apart, and attention would copy them together in every step.
   */
  #countUsable(numFound: number, last: BlockId | undefined): number {
    const numBegun = numFound % this.#pool.blocksPerTile;
    return last !== undefined && numBegun > 0 && !this.#pool.hasBlankAfter(last) ? numFound - numBegun : numFound;
  }

  #findCached(tokenIds: readonly number[]): BlockId[] {
    const found: BlockId[] = [];
    if (this.#chain === undefined) return found;
    const numAllowed = this.#numShareable(tokenIds);
    while (found.length < numAllowed) {
      const id = this.#pool.find(this.#chain.hashOf(found.length, tokenIds));
      if (id === undefined) break;
      found.push(id);
    }
    return found.slice(0, this.#countUsable(found.length, found.at(-1)));
  }
}
