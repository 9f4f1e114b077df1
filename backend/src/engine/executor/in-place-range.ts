// Which stretch of the pool the graph should work on in place. Blocks outside it are copied when needed; blocks inside it
// cost their products even when nobody needs them. So each needed block is worth what its copy would cost, each other
// block costs one tile, and the best stretch is the greatest sum of consecutive terms (Kadane's algorithm).

export interface BlockRange {
  readonly first: number;
  /** At least one: an empty tensor cannot be reduced. */
  readonly count: number;
}

/** Gathering a block's K and V, then working on it, takes about this many tiles' time more than working in place. */
const gatherCost = 1.5;

/** `firstOwner[block]` is negative for blocks that no decoding row needs; `count` of the result is 1 when none is needed. */
export function chooseInPlaceRange(firstOwner: Int32Array, numBlocks: number): BlockRange {
  let best: BlockRange = { first: 0, count: 1 };
  let bestSum = 0;
  let first = 0;
  let sum = 0;
  for (let block = 0; block < numBlocks; block++) {
    if (sum <= 0) {
      sum = 0;
      first = block;
    }
    sum += (firstOwner[block] ?? -1) >= 0 ? gatherCost : -1;
    if (sum > bestSum) {
      bestSum = sum;
      best = { first, count: block - first + 1 };
    }
  }
  return best;
}
