/**
 * Free ids, lowest first. Lowest first keeps what is in use at the front of the pool, so that an executor need only touch the
 * pool up to the highest id in use.
 *
 * A binary heap in one fixed array: nothing is allocated after construction, both operations are O(log numIds).
 */
export class LowestFree<Id extends number> {
  readonly #heap: Int32Array;
  #size: number;

  /** Starts with every id from 0 to numIds - 1 free. */
  constructor(numIds: number) {
    // An ascending array is already a heap.
    this.#heap = Int32Array.from({ length: numIds }, (_, index) => index);
    this.#size = numIds;
  }

  /** Absent when none is free. */
  pop(): Id | undefined {
    if (this.#size === 0) return undefined;
    const heap = this.#heap;
    const lowest = at(heap, 0);
    this.#size -= 1;
    const moved = at(heap, this.#size);
    let hole = 0;
    for (let child = 1; child < this.#size; child = 2 * hole + 1) {
      if (child + 1 < this.#size && at(heap, child + 1) < at(heap, child)) child += 1;
      if (at(heap, child) >= moved) break;
      heap[hole] = at(heap, child);
      hole = child;
    }
    heap[hole] = moved;
    return lowest as Id;
  }

  /** The caller answers for `id` not being free already. */
  push(id: Id): void {
    const heap = this.#heap;
    let hole = this.#size;
    this.#size += 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (at(heap, parent) <= id) break;
      heap[hole] = at(heap, parent);
      hole = parent;
    }
    heap[hole] = id;
  }
}

/** The heap never reads past its size; the fallback only satisfies the type. */
function at(heap: Int32Array, index: number): number {
  return heap[index] ?? 0;
}
