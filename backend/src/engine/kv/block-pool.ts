// Who owns which block of the KV pool, and which blocks still hold a prefix that may be asked for again.
//
// Which free block is handed out next: first those that hold nothing with a name, lowest id first; then, when there are none,
// the named ones, least recently used first, which lose their name. So nothing worth keeping is lost while there is room,
// and until the pool has once been full the blocks in use lie as close together as without a cache. After that, blocks
// follow age and not place: the CPU executor moves those that decode together (executor/block-places.ts). What that leaves of
// the price of scatter, `npm run bench:prefix-cache` shows.
import { type BlockHash, shorten } from "@sluice/shared/hash-chain.ts";
import type { BlockId } from "./block-id.ts";
import { CacheJournal } from "./cache-journal.ts";
import { ExpectedNames } from "./expected-names.ts";
import { IdleBlocks } from "./idle-blocks.ts";
import { LowestFree } from "./lowest-free.ts";

/**
 * Which blocks of the KV pool are free and which are owned, and by how many. It holds no keys or values: the executor
 * owns the memory, the pool owns the right to use it.
 *
 * Invariants:
 * 1. A block is owned by one or more, or free; a free one is idle when it has a name, else blank.
 * 2. numFree + numOwned = numBlocks.
 * 3. A name belongs to at most one block. A block loses its name only when it is handed out as a new one.
 * 4. Blank blocks are handed out first, lowest id first; then idle ones, least recently freed first.
 */
export class BlockPool {
  readonly numBlocks: number;
  /** Tokens a block holds. */
  readonly blockSize: number;
  readonly #blank: LowestFree;
  readonly #idle: IdleBlocks;
  // blockId -> how many own it
  readonly #numOwners: Uint32Array;
  // blockId -> its name; absent while its content has none
  readonly #nameOf: (BlockHash | undefined)[];
  readonly #named = new Map<BlockHash, BlockId>();
  readonly #expected = new ExpectedNames();
  /** Absent while nobody wants to know what happens to names. */
  #journal: CacheJournal | undefined;

  constructor(numBlocks: number, blockSize: number) {
    this.numBlocks = numBlocks;
    this.blockSize = blockSize;
    this.#blank = new LowestFree(numBlocks);
    this.#idle = new IdleBlocks(numBlocks);
    this.#numOwners = new Uint32Array(numBlocks);
    this.#nameOf = Array.from({ length: numBlocks }, () => undefined);
  }

  /** Blocks that nobody owns, those with a name included. */
  get numFree(): number {
    return this.#blank.size + this.#idle.size;
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

  /**
   * One more owner for each of `shared`, and `count` new blocks besides, which are returned.
   * All or nothing: absent, with nothing taken, when too few are free.
   */
  acquire(shared: readonly BlockId[], count: number): BlockId[] | undefined {
    const numIdle = shared.reduce((sum, id) => sum + Number(this.#idle.has(id)), 0);
    if (count > this.numFree - numIdle) return undefined;
    for (const id of shared) {
      if (this.#idle.has(id)) this.#idle.remove(id);
      this.#numOwners[id] = this.#ownersOf(id) + 1;
    }
    return Array.from({ length: count }, () => this.#take());
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
      if (this.#nameOf[id] === undefined) this.#blank.push(id);
      else this.#idle.push(id);
    }
  }

  #take(): BlockId {
    const id = this.#blank.pop() ?? this.#evict();
    if (id === undefined || this.#ownersOf(id) !== 0) throw new Error(`block ${id} is both free and owned`);
    this.#numOwners[id] = 1;
    return id;
  }

  #evict(): BlockId | undefined {
    const id = this.#idle.shift();
    const name = id === undefined ? undefined : this.#nameOf[id];
    if (id === undefined || name === undefined) return undefined;
    this.#named.delete(name);
    this.#nameOf[id] = undefined;
    if (!this.#expected.has(name)) this.#journal?.noteEvicted(shorten(name));
    return id;
  }

  /** None for an id that is not in the pool. */
  #ownersOf(id: BlockId): number {
    return this.#numOwners[id] ?? 0;
  }
}
