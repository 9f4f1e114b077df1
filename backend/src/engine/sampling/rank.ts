// Tokens ranked by logit, highest first, equal ones by id. A total order, so that what is kept never depends on the
// algorithm. Both functions work in place on a caller's scratch with one heap whose root is the *lowest* ranked: it
// makes the best of a long row cheap to keep, and taking the root again and again leaves the array sorted.

/** Keeps the `count` best ranked of the whole row in `ids[0 … count - 1]`, in rank order. `count` is at least 1 and at most the row's length. */
export function selectTop(logits: Float32Array, count: number, ids: Int32Array): void {
  for (let id = 0; id < count; id += 1) ids[id] = id;
  heapify(logits, ids, count);
  for (let id = count; id < logits.length; id += 1) {
    if (!outranks(logits, id, ids[0] ?? 0)) continue;
    ids[0] = id;
    siftDown(logits, ids, count, 0);
  }
  sortHeap(logits, ids, count);
}

/** Puts `ids[0 … count - 1]` into rank order. */
export function sortByRank(logits: Float32Array, count: number, ids: Int32Array): void {
  heapify(logits, ids, count);
  sortHeap(logits, ids, count);
}

function outranks(logits: Float32Array, a: number, b: number): boolean {
  const logitA = logits[a] ?? 0;
  const logitB = logits[b] ?? 0;
  return logitA > logitB || (logitA === logitB && a < b);
}

function heapify(logits: Float32Array, ids: Int32Array, size: number): void {
  for (let root = (size >> 1) - 1; root >= 0; root -= 1) siftDown(logits, ids, size, root);
}

/** Heapsort's second half: the lowest ranked go to the back, one by one. */
function sortHeap(logits: Float32Array, ids: Int32Array, size: number): void {
  for (let last = size - 1; last > 0; last -= 1) {
    const lowest = ids[0] ?? 0;
    ids[0] = ids[last] ?? 0;
    ids[last] = lowest;
    siftDown(logits, ids, last, 0);
  }
}

function siftDown(logits: Float32Array, ids: Int32Array, size: number, root: number): void {
  const moved = ids[root] ?? 0;
  let hole = root;
  for (let child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
    if (child + 1 < size && outranks(logits, ids[child] ?? 0, ids[child + 1] ?? 0)) child += 1;
    if (!outranks(logits, moved, ids[child] ?? 0)) break;
    ids[hole] = ids[child] ?? 0;
    hole = child;
  }
  ids[hole] = moved;
}
