import fc from "fast-check";
import { expect, test } from "vitest";
import { maxTileRows, planTiles } from "./tile-plan.ts";
import type { RowSpan, TilePlan } from "./tile-plan.ts";

const blockSize = 2;
const tileSize = 4;
const pool = { blockSize, tileSize, numTiles: 32 };

const someBlocks = fc.uniqueArray(fc.nat(2 * pool.numTiles - 1), { minLength: 20, maxLength: 20 });
const someTiles = fc
  .uniqueArray(fc.nat(pool.numTiles - 1), { minLength: 10, maxLength: 10 })
  .map((tiles) => tiles.flatMap(blocksOf));

/** Spans over few blocks, so that many are shared; half of the tables are of whole tiles. */
const spansOf = fc
  .array(fc.record({ numRows: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 150 })), position: fc.nat(40) }), {
    minLength: 1,
    maxLength: 8,
  })
  .chain((shapes) =>
    fc.tuple(
      ...shapes.map(({ numRows, position }) =>
        fc.oneof(someBlocks, someTiles).map((blockTable) => ({ numRows, position, blockTable })),
      ),
    ),
  )
  .map((shapes): RowSpan[] => {
    let firstRow = 0;
    return shapes.map((shape) => {
      const span = { ...shape, firstRow };
      firstRow += shape.numRows;
      return span;
    });
  });

test("every row sees all that lies before it, once and in order, and nothing else", () => {
  fc.assert(
    fc.property(spansOf, (spans) => {
      const numRows = spans.reduce((sum, span) => sum + span.numRows, 0);
      const plan = planTiles(spans, numRows, pool);
      for (const span of spans) {
        for (let index = 0; index < span.numRows; index++) {
          expect(keysSeen(plan, span.firstRow + index)).toEqual(keysBefore(span, index));
        }
      }
    }),
  );
});

test("every tile knows how far its first key lies before each of its rows", () => {
  fc.assert(
    fc.property(spansOf, (spans) => {
      const numRows = spans.reduce((sum, span) => sum + span.numRows, 0);
      const plan = planTiles(spans, numRows, pool);
      for (const { firstRow, position, numRows: length } of spans) {
        for (let index = 0; index < length; index++) {
          const refs = plan.partials[firstRow + index] ?? [];
          const expected = refs.map((_, at) => position + index - at * tileSize);
          expect(refs.map((ref) => distanceOf(plan, ref))).toEqual(expected);
        }
      }
    }),
  );
});

test("a tile takes no more rows than it may, and pool tiles come before chunk tiles", () => {
  fc.assert(
    fc.property(spansOf, (spans) => {
      const { gathered } = planTiles(spans, 2000, pool);
      expect(Math.max(0, ...gathered.map((tile) => tile.rows.length))).toBeLessThanOrEqual(maxTileRows);
      const kinds = gathered.map((tile) => tile.source.kind);
      expect(kinds).toEqual(kinds.toSorted().toReversed());
    }),
  );
});

test("decoding rows with tiles of their own are all served in place, one that is not full as well", () => {
  const plan = planTiles([decode(0, [10, 11, 6, 7]), decode(1, [8, 9, 12])], 2, pool);
  expect(plan.inPlace).toEqual({ first: 3, count: 4 });
  expect(plan.gathered).toEqual([]);
});

test("a tile whose blocks are no neighbours, or no tile of the pool, is copied together", () => {
  const plan = planTiles([decode(0, [2, 3, 4, 9, 7, 8, 1])], 1, pool);
  expect(plan.inPlace).toEqual({ first: 1, count: 1 });
  expect(plan.gathered.map(({ source }) => source)).toEqual([
    { kind: "pool", blocks: [4, 9] },
    { kind: "pool", blocks: [7, 8] },
    { kind: "pool", blocks: [1] },
  ]);
});

function decode(firstRow: number, blockTable: readonly number[]): RowSpan {
  return { firstRow, numRows: 1, position: blockSize * blockTable.length, blockTable };
}

function blocksOf(tile: number): number[] {
  return [2 * tile, 2 * tile + 1];
}

function distanceOf(plan: TilePlan, { tile, slot }: { readonly tile: number; readonly slot: number }) {
  const gathered = plan.gathered[tile - plan.inPlace.count];
  return gathered === undefined ? plan.visitors[tile]?.distance : gathered.distances[slot];
}

type Key = string;

function keysSeen(plan: TilePlan, row: number): Key[] {
  return (plan.partials[row] ?? []).flatMap(({ tile, slot }) => {
    const gathered = plan.gathered[tile - plan.inPlace.count];
    if (gathered === undefined) {
      const visitor = plan.visitors[tile];
      return visitor?.row === row ? keysOf(blocksOf(plan.inPlace.first + tile), visitor.visible) : ["another row's"];
    }
    if (gathered.rows[slot] !== row) return ["another row's"];
    const { source } = gathered;
    const visible = gathered.visible[slot] ?? 0;
    if (source.kind === "pool") {
      const { place, firstKey, count } = source.joined ?? { place: tileSize, firstKey: 0, count: 0 };
      const joined = Array.from({ length: count }, (_, key) => `row ${firstKey + key}`);
      return [...keysOf(source.blocks, Math.min(visible, place)), ...joined.slice(0, Math.max(0, visible - place))];
    }
    return Array.from({ length: visible }, (_, key) => `row ${source.firstKey + key}`);
  });
}

function keysBefore({ firstRow, position, blockTable }: RowSpan, index: number): Key[] {
  const past = Array.from({ length: position }, (_, at) =>
    keyAt(blockTable[Math.floor(at / blockSize)] ?? -1, at % blockSize),
  );
  return [...past, ...Array.from({ length: index }, (_, earlier) => `row ${firstRow + earlier}`)];
}

const keyAt = (block: number, offset: number): Key => `block ${block}, ${offset}`;
const keysOf = (blocks: readonly number[], count: number): Key[] =>
  Array.from({ length: count }, (_, at) => keyAt(blocks[Math.floor(at / blockSize)] ?? -1, at % blockSize));
