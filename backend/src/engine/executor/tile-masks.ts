// What each row of a tile may see, as numbers added to its scores: nothing, or maskedScore.
import { maskedScore } from "#engine/graph/step-inputs.ts";
import type { GatheredTile, TilePlan } from "./tile-plan.ts";

/** @param target [inPlace, 1, 1, tileSize] */
export function writeInPlaceMask(
  target: Float32Array,
  visitors: TilePlan["visitors"],
  tileSize: number,
  window: number | undefined,
): void {
  target.fill(maskedScore);
  for (const [tile, { visible, distance }] of visitors.entries()) {
    unmask(target, tile * tileSize, { visible, distance, window });
  }
}

/** @param target [tiles, 1, tileRows, tileSize] */
export function writeGatheredMask(
  target: Float32Array,
  tiles: readonly GatheredTile[],
  shape: { readonly tileRows: number; readonly tileSize: number },
  window: number | undefined,
): void {
  const { tileRows, tileSize } = shape;
  target.fill(maskedScore);
  for (const [index, tile] of tiles.entries()) {
    for (const [slot, visible] of tile.visible.entries()) {
      const distance = tile.distances[slot] ?? 0;
      unmask(target, (index * tileRows + slot) * tileSize, { visible, distance, window });
    }
  }
}

interface Sight {
  /** Keys from the tile's first one on that lie before the row. */
  readonly visible: number;
  /** Positions from the tile's first key to the row's token. */
  readonly distance: number;
  /** Tokens that the row sees, itself included; absent for all. */
  readonly window: number | undefined;
}

/** Key `i` lies `distance - i` positions back, and is seen when that is less than the window. */
function unmask(target: Float32Array, start: number, { visible, distance, window = Infinity }: Sight): void {
  const first = Math.max(0, distance - window + 1);
  if (first < visible) target.fill(0, start + first, start + visible);
}
