import type { BlockId } from "./block-id.ts";

const NONE = -1;

/**
 * The blocks that nobody owns but whose content has a name, least recently used first. A doubly linked list in two fixed
 * arrays, because a block leaves from anywhere when its prefix is asked for again: every operation is O(1) and nothing is
 * allocated after construction. Source: vLLM, FreeKVCacheBlockQueue.
 */
export class IdleBlocks {
  // blockId -> its neighbour; the entry past the last block is both ends of the list
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #end: number;
  #size = 0;

  constructor(numBlocks: number) {
    this.#end = numBlocks;
    this.#next = new Int32Array(numBlocks + 1).fill(NONE);
    this.#previous = new Int32Array(numBlocks + 1).fill(NONE);
    this.#link(this.#end, this.#end);
  }

  get size(): number {
    return this.#size;
  }

  has(id: BlockId): boolean {
    return this.#next[id] !== NONE;
  }

  /** Puts the block at the recent end. The caller answers for its not being in the list. */
  push(id: BlockId): void {
    this.#link(at(this.#previous, this.#end), id);
    this.#link(id, this.#end);
    this.#size += 1;
  }

  /** Takes the least recently used; absent when there is none. */
  shift(): BlockId | undefined {
    if (this.#size === 0) return undefined;
    const oldest = at(this.#next, this.#end) as BlockId;
    this.remove(oldest);
    return oldest;
  }

  /** The caller answers for the block being in the list. */
  remove(id: BlockId): void {
    this.#link(at(this.#previous, id), at(this.#next, id));
    this.#next[id] = NONE;
    this.#previous[id] = NONE;
    this.#size -= 1;
  }

  #link(before: number, after: number): void {
    this.#next[before] = after;
    this.#previous[after] = before;
  }
}

/** Every index is a block's or the end's; the fallback only satisfies the type. */
function at(neighbours: Int32Array, index: number): number {
  return neighbours[index] ?? NONE;
}
