import type { BlockHash } from "@sluice/shared/hash-chain.ts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BlockId } from "./block-id.ts";
import { BlockPool } from "./block-pool.ts";

describe("BlockPool", () => {
  test("hands out the lowest ids first, also after blocks came back out of order", () => {
    const pool = new BlockPool(8, 4);
    expect(pool.acquire([], 5)).toEqual([0, 1, 2, 3, 4]);
    pool.free(ids(3, 0, 4));
    expect(pool.acquire([], 4)).toEqual([0, 3, 4, 5]);
  });

  test("an acquisition that does not fit takes nothing, what is shared included", () => {
    const pool = withNamed(3);
    pool.free(ids(0));
    expect(pool.acquire(ids(0, 1), 1)).toBeUndefined();
    expect(pool.numFree).toBe(1);
    pool.free(ids(1));
    expect(() => pool.free(ids(1))).toThrow("not owned");
    expect(pool.acquire(ids(0), 1)).toEqual([1]);
  });

  test("refuses to free a block twice, or one it never had, and to name one that is free", () => {
    const pool = new BlockPool(3, 4);
    pool.acquire([], 2);
    pool.free(ids(0, 1));
    expect(() => pool.free(ids(0))).toThrow("not owned");
    expect(() => pool.free(ids(7))).toThrow("not owned");
    expect(() => pool.name(0 as BlockId, name(0))).toThrow("not owned");
  });

  test("a block stays owned until its last owner leaves", () => {
    const pool = withNamed(2);
    pool.acquire(ids(0), 0);
    pool.free(ids(0));
    expect(pool.numFree).toBe(0);
    pool.free(ids(0));
    expect(pool.numFree).toBe(1);
  });

  test("evicts nothing while blank blocks are left, then the least recently freed first", () => {
    const pool = withNamed(4);
    pool.acquire([], 0);
    pool.free(ids(2, 0, 3, 1));
    pool.acquire(ids(2), 0);
    pool.free(ids(2));
    for (const evicted of [0, 3, 1, 2]) {
      expect(pool.find(name(evicted))).toBe(evicted);
      expect(pool.acquire([], 1)).toEqual([evicted]);
      expect(pool.find(name(evicted))).toBeUndefined();
    }
    expect(pool.acquire([], 1)).toBeUndefined();

    const roomy = withNamed(2, 3);
    roomy.free(ids(0));
    expect(roomy.acquire([], 1)).toEqual([2]);
    expect(roomy.find(name(0))).toBe(0);
  });

  test("two blocks of one name: the first is found, the second is blank when it is free", () => {
    const pool = new BlockPool(3, 4);
    pool.acquire([], 2);
    pool.name(0 as BlockId, name(9));
    pool.name(1 as BlockId, name(9));
    pool.free(ids(0, 1));
    expect(pool.find(name(9))).toBe(0);
    expect(pool.acquire([], 3)).toEqual([1, 2, 0]);
  });

  test("hands out tiles from their first block on, and what they have left only when no tile is whole", () => {
    const pool = new BlockPool(7, 4, 8);
    const [first] = pool.acquire([], 1) ?? [];
    const [second] = pool.acquire([], 1) ?? [];
    expect([first, second]).toEqual([0, 2]);
    expect(pool.acquire([], 1, ids(0))).toEqual([1]);
    expect(pool.acquire([], 2)).toEqual([4, 5]);
    // The last tile has a single block: it is whole.
    expect(pool.acquire([], 2)).toEqual([6, 3]);
    expect(pool.acquire([], 1, ids(2))).toBeUndefined();
    pool.free(ids(5, 3));
    expect(pool.acquire([], 1, ids(2))).toEqual([3]);
  });

  test("evicts whole tiles, the one whose last block was freed longest ago first", () => {
    const pool = withNamed(6, 6, 2);
    pool.free(ids(3, 1, 0, 2, 4));
    expect(pool.acquire([], 3)).toEqual([0, 1, 2]);
    expect([0, 1, 2, 3, 4].map((id) => pool.find(name(id)))).toEqual([undefined, undefined, undefined, 3, 4]);
    // A tile that is shared again is no longer whole; what it has left goes last.
    pool.free(ids(0, 1));
    expect(pool.acquire(ids(3), 2, [])).toEqual([0, 1]);
    expect(pool.acquire([], 1)).toEqual([4]);
  });

  test("its journal begins with all names, then tells which came and went; without one nothing is kept", () => {
    const pool = withNamed(3, 4);
    pool.free(ids(0, 1, 2));
    const journal = pool.openJournal();
    expect(journal.take()).toEqual({ isSnapshot: true, stored: ["name 0", "name 1", "name 2"], evicted: [] });
    expect(journal.take()).toBeUndefined();
    const [blank, evicted] = pool.acquire([], 2) ?? [];
    pool.name(blank!, name(3));
    expect(journal.take()).toEqual({ isSnapshot: false, stored: ["name 3"], evicted: ["name 0"] });
    pool.name(evicted!, name(0));
    pool.free(ids(0));
    pool.acquire([], 3);
    expect(journal.take()).toEqual({ isSnapshot: false, stored: [], evicted: ["name 0", "name 1", "name 2"] });
    pool.closeJournal();
    pool.name(1 as BlockId, name(7));
    expect(journal.take()).toBeUndefined();
  });

  test("evicts in the order of a plain list, under any interleaving", () => {
    const command = fc.record({ block: fc.nat(11), share: fc.boolean() });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
        const pool = withNamed(12);
        const idle: BlockId[] = [];
        const evicted: (BlockId | undefined)[] = [];
        const expected: (BlockId | undefined)[] = [];
        for (const { block, share } of commands) {
          const id = block as BlockId;
          const index = idle.indexOf(id);
          if (index < 0) {
            pool.free([id]);
            idle.push(id);
          } else if (share) {
            pool.acquire([id], 0);
            idle.splice(index, 1);
          } else {
            const [taken = id] = pool.acquire([], 1) ?? [];
            pool.name(taken, name(taken));
            evicted.push(taken);
            expected.push(idle.shift());
          }
          expect(pool.numFree).toBe(idle.length);
        }
        expect(evicted).toEqual(expected);
      }),
    );
  });
});

function ids(...numbers: readonly number[]): BlockId[] {
  return numbers.map((number) => number as BlockId);
}

function name(number: number): BlockHash {
  return `name ${number}` as BlockHash;
}

/** A pool whose first `numNamed` blocks are owned once, each named after its id. */
function withNamed(numNamed: number, numBlocks = numNamed, blocksPerTile = 1): BlockPool {
  const pool = new BlockPool(numBlocks, 4, 4 * blocksPerTile);
  for (const id of pool.acquire([], numNamed) ?? []) pool.name(id, name(id));
  return pool;
}
