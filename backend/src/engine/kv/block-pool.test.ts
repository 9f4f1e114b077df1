import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BlockId } from "./block-id.ts";
import { BlockPool } from "./block-pool.ts";
import { BlockTable } from "./block-table.ts";

describe("BlockPool", () => {
  test("hands out the lowest ids first, also after blocks came back out of order", () => {
    const pool = new BlockPool(8, 4);
    expect(pool.allocate(5)).toEqual([0, 1, 2, 3, 4]);
    pool.free([3, 0, 4] as BlockId[]);
    expect(pool.allocate(4)).toEqual([0, 3, 4, 5]);
  });

  test("an allocation that does not fit takes nothing", () => {
    const pool = new BlockPool(3, 4);
    expect(pool.allocate(4)).toBeUndefined();
    expect(pool.numFree).toBe(3);
  });

  test("refuses to free a block twice, or one it never had", () => {
    const pool = new BlockPool(3, 4);
    const blocks = pool.allocate(2) ?? [];
    pool.free(blocks);
    expect(() => pool.free(blocks)).toThrow("not owned");
    expect(() => pool.free([7 as BlockId])).toThrow("not owned");
  });

  test("no block is both free and owned, and none is lost, under any interleaving", () => {
    const command = fc.record({ table: fc.nat(5), numTokens: fc.nat(40), release: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 24 }), fc.array(command, { maxLength: 80 }), (numBlocks, commands) => {
        const pool = new BlockPool(numBlocks, 4);
        const tables = Array.from({ length: 6 }, () => new BlockTable(pool));
        for (const { table: index, numTokens, release } of commands) {
          const table = tables[index]!;
          if (release) table.release();
          const grew = !release && table.growTo(numTokens);
          expect(!grew || table.blockIds.length * 4 >= numTokens).toBe(true);
          const owned = tables.flatMap((each) => each.blockIds);
          expect(new Set(owned).size).toBe(owned.length);
          expect(owned.length + pool.numFree).toBe(numBlocks);
        }
        for (const table of tables) table.release();
        expect(pool.allocate(numBlocks)?.toSorted((a, b) => a - b)).toEqual([...Array(numBlocks).keys()]);
      }),
    );
  });
});
