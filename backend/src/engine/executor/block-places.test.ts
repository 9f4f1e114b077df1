import fc from "fast-check";
import { expect, test } from "vitest";
import type { BlockId } from "#engine/kv/block-id.ts";
import { BlockPlaces } from "./block-places.ts";

const numBlocks = 40;
const all = Array.from({ length: numBlocks }, (_, block) => block as BlockId);
const someBlocks = fc.uniqueArray(fc.integer({ min: 0, max: numBlocks - 1 }), { maxLength: numBlocks }) as fc.Arbitrary<
  BlockId[]
>;

test("a block's content is where its place says, whatever moved before", () => {
  fc.assert(
    fc.property(fc.array(someBlocks, { maxLength: 30 }), (steps) => {
      const places = new BlockPlaces(numBlocks);
      const contents: number[] = [...all];
      for (const blocks of steps) {
        for (const [a, b] of places.moveTogether(blocks)) {
          [contents[a], contents[b]] = [contents[b] ?? NaN, contents[a] ?? NaN];
        }
        expect(places.placesOf(all).map((place) => contents[place])).toEqual(all);
      }
    }),
  );
});

test("blocks that stay in use come to lie side by side, at most one in eight a step", () => {
  fc.assert(
    fc.property(someBlocks, (blocks) => {
      const places = new BlockPlaces(numBlocks);
      const mostMoves = Math.ceil(blocks.length / 8);
      for (let step = 0; step < 9; step += 1) {
        expect(places.moveTogether(blocks).length).toBeLessThanOrEqual(mostMoves);
      }
      const taken = places.placesOf(blocks).toSorted((a, b) => a - b);
      expect(taken).toEqual(taken.map((_, index) => (taken[0] ?? 0) + index));
      expect(places.moveTogether(blocks)).toEqual([]);
    }),
  );
});
