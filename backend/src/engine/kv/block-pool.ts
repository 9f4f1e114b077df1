// Who owns which block of the KV pool, and which blocks still hold a prefix that may be asked for again.
//
// Which free block is handed out next (free-blocks.ts): first those of tiles that hold nothing with a name, lowest id first; then,
// when there are none, those of tiles with names, least recently used first, which lose their names. So nothing worth keeping is
// lost while there is room, and until the pool has once been full the blocks in use lie as close together as without a cache.
// After that, blocks follow age and not place: the CPU executor moves those that decode together (executor/block-places.ts). What that leaves of
// the price of scatter, `npm run bench:prefix-cache` shows.
import { type BlockHash, shorten } from "@sluice/shared/hash-chain.ts";
import type { BlockId } from "./block-id.ts";
import { CacheJournal } from "./cache-journal.ts";
import { ExpectedNames } from "./expected-names.ts";
import { FreeBlocks } from "./free-blocks.ts";

/**
 * Which blocks of the KV pool are free and which are owned, and by how many. It holds no keys or values: the executor
 * owns the memory, the pool owns the right to use it.
 *
 * Invariants:
 * 1. A block is owned by one or more, or free; a free one may have a name.
 * 2. numFree + numOwned = numBlocks.
 * 3. A name belongs to at most one block. A block loses its name only when it is handed out as a new one.
 * 4. Whole blank tiles are handed out first, lowest id first; then whole tiles with names, least recently freed first; then what
 *    others' tiles have left.
 */
export class BlockPool {
  readonly numBlocks: number;
  /** Tokens a block holds. */
  readonly blockSize: number;
  /** Blocks that should have ids side by side: those of a sequence's tokens from a multiple of so many blocks on. */
  readonly blocksPerTile: number;
  readonly #free: FreeBlocks;
  // blockId -> how many own it
  readonly #numOwners: Uint32Array;
  // blockId -> its name; absent while its content has none
  readonly #nameOf: (BlockHash | undefined)[];
  readonly #named = new Map<BlockHash, BlockId>();
  readonly #expected = new ExpectedNames();
  /** Absent while nobody wants to know what happens to names. */
  #journal: CacheJournal | undefined;

  /** @param tileSize tokens, a multiple of blockSize; a block by default. */
  constructor(numBlocks: number, blockSize: number, tileSize = blockSize) {
    this.numBlocks = numBlocks;
    this.blockSize = blockSize;
    this.blocksPerTile = tileSize / blockSize;
    this.#free = new FreeBlocks(numBlocks, this.blocksPerTile);
    this.#numOwners = new Uint32Array(numBlocks);
    this.#nameOf = Array.from({ length: numBlocks }, () => undefined);
  }

  /** Blocks that nobody owns, those with a name included. */
  get numFree(): number {
    return this.#free.size;
  }

  /**
   * Tells a journal from now on which names come and go: those of blocks that are there, and those that are expected. The one
   * before, if any, hears no more.
   */
  openJournal(): CacheJournal {
    this.#journal = new CacheJournal([...this.#named.keys(), ...this.#expected.keys()].map(shorten));
    return this.#journal;
  }

  closeJournal(): void {
    this.#journal = undefined;
  }

  /** Blocks that hold `numTokens` positions. */
  blocksFor(numTokens: number): number {
    return Math.ceil(numTokens / this.blockSize);
  }

  /** The block of that name, owned or not; absent when there is none. */
  find(name: BlockHash): BlockId | undefined {
    return this.#named.get(name);
  }

  /** Whether the next block of the tile is free and has no name: a sequence may go on there, and nothing is lost. */
  hasBlankAfter(id: BlockId): boolean {
    return this.#free.hasBlankAfter(id);
  }

  /**
   * One more owner for each of `shared`, and `count` new blocks besides, which are returned.
   * All or nothing: absent, with nothing taken, when too few are free.
   *
   * @param before all blocks that the new ones come behind, in position order.
   */
  acquire(shared: readonly BlockId[], count: number, before = shared): BlockId[] | undefined {
    const numSharedFree = shared.reduce((sum, id) => sum + Number(this.#free.has(id)), 0);
    if (count > this.numFree - numSharedFree) return undefined;
    for (const id of shared) {
      if (this.#free.has(id)) this.#free.remove(id);
      this.#numOwners[id] = this.#ownersOf(id) + 1;
    }
    const taken: BlockId[] = [];
    for (let index = before.length; taken.length < count; index++) {
      taken.push(this.#take(index % this.blocksPerTile === 0 ? undefined : (taken.at(-1) ?? before.at(-1))));
    }
    return taken;
  }

  /** Names an owned block after its content, which must be complete. Does nothing when it, or another, has that name. */
  name(id: BlockId, name: BlockHash): void {
    if (this.#ownersOf(id) === 0) throw new Error(`block ${id} is named but not owned`);
    // Sequences that compute the same prefix at the same time each have their own block of it; the first one is found.
    if (this.#nameOf[id] !== undefined || this.#named.has(name)) return;
    this.#nameOf[id] = name;
    this.#named.set(name, id);
    if (!this.#expected.has(name)) this.#journal?.noteStored(shorten(name));
  }

  /** Somebody is here who will have blocks of these names computed, unless they are found. `unexpect` has to follow. */
  expect(names: readonly BlockHash[]): void {
    for (const name of names) {
      if (this.#expected.add(name) && !this.#named.has(name)) this.#journal?.noteStored(shorten(name));
    }
  }

  unexpect(names: readonly BlockHash[]): void {
    for (const name of names) {
      if (this.#expected.remove(name) && !this.#named.has(name)) this.#journal?.noteEvicted(shorten(name));
    }
  }

  /**
   * One owner less for each, in this order: the first is the first to be evicted.
   *
   * @throws when a block is not owned; the blocks before it are then freed already.
   */
  free(blockIds: readonly BlockId[]): void {
    for (const id of blockIds) {
      const numOwners = this.#ownersOf(id);
      if (numOwners === 0) throw new Error(`block ${id} is freed but not owned`);
      this.#numOwners[id] = numOwners - 1;
      if (numOwners > 1) continue;
      this.#free.push(id, this.#nameOf[id] !== undefined);
    }
  }

  #take(before: BlockId | undefined): BlockId {
    const id = this.#free.take(before);
    if (id === undefined || this.#ownersOf(id) !== 0) throw new Error(`block ${id} is both free and owned`);
    this.#forgetName(id);
    this.#numOwners[id] = 1;
    return id;
  }

  #forgetName(id: BlockId): void {
    const name = this.#nameOf[id];
    if (name === undefined) return;
    this.#named.delete(name);
    this.#nameOf[id] = undefined;
    if (!this.#expected.has(name)) this.#journal?.noteEvicted(shorten(name));
  }

  /** None for an id that is not in the pool. */
  #ownersOf(id: BlockId): number {
    return this.#numOwners[id] ?? 0;
  }
}
