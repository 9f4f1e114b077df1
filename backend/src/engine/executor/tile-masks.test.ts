import fc from "fast-check";
import { expect, test } from "vitest";
import { writeGatheredMask, writeInPlaceMask } from "./tile-masks.ts";

const tileSize = 8;

/** A row at `position` before whose tile `start` positions lie, and `computed` of the tile's keys are there. */
const sights = fc.record({
  start: fc.nat(5).map((block) => block * tileSize),
  past: fc.integer({ min: 1, max: 60 }),
  computed: fc.integer({ min: 0, max: tileSize }),
  window: fc.option(fc.integer({ min: 1, max: 70 }), { nil: undefined }),
});

test("a row sees exactly the computed keys of a tile that its window reaches", () => {
  fc.assert(
    fc.property(sights, ({ start, past, computed, window }) => {
      const position = start + past;
      const visible = Math.min(computed, past);
      const expected = Array.from({ length: tileSize }, (_, key) => {
        const isInWindow = window === undefined || start + key > position - window;
        return key < visible && isInWindow;
      });
      const mask = new Float32Array(tileSize).fill(7);
      writeInPlaceMask(mask, [{ row: 0, visible, distance: past }], tileSize, window);
      expect(Array.from(mask, (value) => value === 0)).toEqual(expected);

      const gathered = new Float32Array(2 * tileSize).fill(7);
      const tile = { source: { kind: "pool", blocks: [0] }, rows: [3], visible: [visible], distances: [past] } as const;
      writeGatheredMask(gathered, [tile], { tileRows: 2, tileSize }, window);
      expect(Array.from(gathered, (value) => value === 0)).toEqual([...expected, ...expected.map(() => false)]);
    }),
  );
});
