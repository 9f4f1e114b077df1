import fc from "fast-check";
import { expect, test } from "vitest";
import type { BlockId } from "#engine/kv/block-id.ts";
import { BlockPlaces } from "./block-places.ts";

const numBlocks = 40;
const all = Array.from({ length: numBlocks }, (_, block) => block as BlockId);
const someBlocks = fc.uniqueArray(fc.integer({ min: 0, max: numBlocks - 1 }), { maxLength: numBlocks }) as fc.Arbitrary<
  BlockId[]
>;
const tileSizes = fc.constantFrom(1, 2, 4);

/** Several tables, which may share blocks. */
const someTables = fc.array(someBlocks, { maxLength: 4 });

test("a block's content is where its place says, whatever moved before", () => {
  fc.assert(
    fc.property(tileSizes, fc.array(someTables, { maxLength: 30 }), (blocksPerTile, steps) => {
      const places = new BlockPlaces(numBlocks / blocksPerTile, blocksPerTile);
      const contents: number[] = [...all];
      for (const tables of steps) {
        for (const [a, b] of places.moveTogether(tables)) {
          [contents[a], contents[b]] = [contents[b] ?? NaN, contents[a] ?? NaN];
        }
        expect(places.placesOf(all).map((place) => contents[place])).toEqual(all);
      }
    }),
  );
});

test("blocks that stay in use come to lie side by side, at most one in eight, or a tile, a step", () => {
  fc.assert(
    fc.property(tileSizes, someBlocks, (blocksPerTile, blocks) => {
      const places = new BlockPlaces(numBlocks / blocksPerTile, blocksPerTile);
      const mostMoves = blocksPerTile * Math.ceil(blocks.length / (8 * blocksPerTile));
      for (let step = 0; step < 20; step += 1) {
        expect(places.moveTogether([blocks]).length).toBeLessThanOrEqual(mostMoves);
      }
      const taken = places.placesOf(blocks);
      const tiles = tilesOf(taken, blocksPerTile);
      for (const tile of tiles) {
        expect((tile[0] ?? 0) % blocksPerTile).toBe(0);
        expect(tile).toEqual(tile.map((_, index) => (tile[0] ?? 0) + index));
      }
      const firsts = tiles.map(([first = 0]) => first).toSorted((a, b) => a - b);
      expect(firsts).toEqual(firsts.map((_, index) => (firsts[0] ?? 0) + index * blocksPerTile));
      expect(places.moveTogether([blocks])).toEqual([]);
    }),
  );
});

test("no tile that lies right is disturbed for another", () => {
  const places = new BlockPlaces(2, 2);
  expect(places.moveTogether([ids(0, 1), ids(2), ids(3)])).toEqual([]);
  expect(places.moveTogether([ids(2), ids(3)])).toEqual([[3, 0]]);
});

function tilesOf(places: readonly number[], blocksPerTile: number): number[][] {
  const numTiles = Math.ceil(places.length / blocksPerTile);
  return Array.from({ length: numTiles }, (_, tile) => places.slice(tile * blocksPerTile, (tile + 1) * blocksPerTile));
}

function ids(...numbers: readonly number[]): BlockId[] {
  return numbers.map((number) => number as BlockId);
}
