// Which stretch of the pool the graph should work on in place. Tiles outside it are copied when needed; tiles inside it
// cost their products even when nobody needs them. So each needed tile is worth what its copy would cost, each other
// one costs itself, and the best stretch is the greatest sum of consecutive terms (Kadane's algorithm).

export interface TileRange {
  readonly first: number;
  /** At least one: an empty tensor cannot be reduced. */
  readonly count: number;
}

/** Gathering a tile's K and V, then working on it, takes about this many tiles' time more than working in place. */
const gatherCost = 1.5;

/** `firstOwner[tile]` is negative for tiles that no decoding row needs; `count` of the result is 1 when none is needed. */
export function chooseInPlaceRange(firstOwner: Int32Array, numTiles: number): TileRange {
  let best: TileRange = { first: 0, count: 1 };
  let bestSum = 0;
  let first = 0;
  let sum = 0;
  for (let tile = 0; tile < numTiles; tile++) {
    if (sum <= 0) {
      sum = 0;
      first = tile;
    }
    sum += (firstOwner[tile] ?? -1) >= 0 ? gatherCost : -1;
    if (sum > bestSum) {
      bestSum = sum;
      best = { first, count: tile - first + 1 };
    }
  }
  return best;
}
