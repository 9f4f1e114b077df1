const NONE = -1;

/**
 * Free blocks, or tiles, the one freed longest ago first. A doubly linked list in two fixed arrays, because a block leaves from
 * anywhere when its prefix is asked for again: every operation is O(1) and nothing is allocated after construction.
 * Source: vLLM, FreeKVCacheBlockQueue.
 */
export class FreedOrder<Id extends number> {
  // id -> its neighbour; the entry past the last id is both ends of the list
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #end: number;

  /** Empty, for ids from 0 to numIds - 1. */
  constructor(numIds: number) {
    this.#end = numIds;
    this.#next = new Int32Array(numIds + 1).fill(NONE);
    this.#previous = new Int32Array(numIds + 1).fill(NONE);
    this.#link(this.#end, this.#end);
  }

  /** The one freed longest ago; absent when there is none. */
  get first(): Id | undefined {
    const oldest = at(this.#next, this.#end);
    return oldest === this.#end ? undefined : (oldest as Id);
  }

  /** Puts the id at the recent end. The caller answers for its not being in the list. */
  push(id: Id): void {
    this.#link(at(this.#previous, this.#end), id);
    this.#link(id, this.#end);
  }

  /** Takes the one freed longest ago; absent when there is none. */
  shift(): Id | undefined {
    const oldest = this.first;
    if (oldest !== undefined) this.remove(oldest);
    return oldest;
  }

  /** The caller answers for the id being in the list. */
  remove(id: Id): void {
    this.#link(at(this.#previous, id), at(this.#next, id));
    this.#next[id] = NONE;
    this.#previous[id] = NONE;
  }

  #link(before: number, after: number): void {
    this.#next[before] = after;
    this.#previous[after] = before;
  }
}

/** Every index is an id or the end; the fallback only satisfies the type. */
function at(neighbours: Int32Array, index: number): number {
  return neighbours[index] ?? NONE;
}
