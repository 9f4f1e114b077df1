import { deepEqual, equal } from "node:assert/strict";
import { HashChain } from "@sluice/shared/hash-chain.ts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "#platform/sha256.ts";
import { BlockPool } from "./block-pool.ts";
import { BlockTable } from "./block-table.ts";

const blockSize = 4;

describe("BlockTable", () => {
  test("finds what another has computed in whole blocks, and never the last token", () => {
    const pool = new BlockPool(16, blockSize);
    const first = tableOf(pool);
    expect(first.start(upTo(11))).toBe(0);
    first.publish(upTo(11), 11);
    expect([9, 8, 5, 4].map((length) => tableOf(pool).countCached(upTo(length)))).toEqual([8, 4, 4, 0]);
    const second = tableOf(pool);
    expect(second.start(upTo(9))).toBe(8);
    expect(second.blockIds).toEqual([0, 1, 3]);
  });

  test("shares nothing that is not computed, nothing of another salt, and nothing without a chain", () => {
    const pool = new BlockPool(16, blockSize);
    const first = tableOf(pool);
    first.start(upTo(12));
    first.publish(upTo(12), 7);
    expect(tableOf(pool).countCached(upTo(12))).toBe(4);
    expect(tableOf(pool, "other").countCached(upTo(12))).toBe(0);
    expect(new BlockTable(pool).start(upTo(12))).toBe(0);
  });

  test("finds its own blocks again after a release, unless they were evicted, the last ones first", () => {
    const pool = new BlockPool(4, blockSize);
    const table = tableOf(pool);
    table.start(upTo(13));
    table.publish(upTo(13), 13);
    table.release();
    expect(pool.numFree).toBe(4);
    const other = new BlockTable(pool);
    other.start(upTo(8));
    other.release();
    expect(table.start(upTo(13))).toBe(8);
  });

  test("a start that does not fit changes nothing", () => {
    const pool = new BlockPool(3, blockSize);
    const first = tableOf(pool);
    first.start(upTo(9));
    first.publish(upTo(9), 9);
    const second = tableOf(pool);
    expect(second.start(upTo(12))).toBeUndefined();
    expect(second.blockIds).toEqual([]);
    first.release();
    expect(pool.numFree).toBe(3);
  });

  test("finds part of a tile only where it can go on in it, and goes on with the tile's own blocks", () => {
    const pool = new BlockPool(16, blockSize, 2 * blockSize);
    const lengths = [17, 13, 9, 8, 5];
    const countCached = () => lengths.map((length) => tableOf(pool).countCached(upTo(length)));
    const first = tableOf(pool);
    first.start(upTo(13));
    first.publish(upTo(13), 13);
    // Its last block is owned as long as it runs, and blank after that; the second tile's blocks both have names.
    expect(countCached()).toEqual([8, 8, 8, 0, 0]);
    first.release();
    expect(countCached()).toEqual([12, 12, 8, 0, 0]);
    first.start(upTo(13));
    expect(first.blockIds).toEqual([0, 1, 2, 3]);
    const second = tableOf(pool);
    expect(second.start(upTo(13))).toBe(8);
    expect(second.blockIds).toEqual([0, 1, 4, 5]);
    const third = new BlockTable(pool);
    third.start(upTo(1));
    second.growTo(17);
    third.growTo(5);
    expect([second.blockIds, third.blockIds]).toEqual([
      [0, 1, 4, 5, 8],
      [6, 7],
    ]);
  });

  test("under any interleaving: tokens read back right, no shared block is written, salts never meet, all return", () => {
    // Zeroes up to a fork and ones from there on: prompts that begin alike.
    const tokenIds = fc
      .record({ length: fc.integer({ min: 1, max: 24 }), fork: fc.nat(24) })
      .map(({ length, fork }) => upTo(length).map((position) => Number(position >= fork)));
    const command = fc.record({
      table: fc.nat(5),
      action: fc.constantFrom("start", "compute", "compute", "append", "release"),
      tokenIds,
      amount: fc.integer({ min: 1, max: 12 }),
    });
    let numHits = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.constantFrom(1, 2, 3),
        fc.array(command, { maxLength: 100, size: "max" }),
        (numBlocks, blocksPerTile, commands) => {
          const model = new PoolModel(numBlocks, blocksPerTile);
          for (const { table, action, tokenIds, amount } of commands) {
            if (action === "start") numHits += model.start(table, tokenIds);
            else if (action === "compute") model.compute(table, amount);
            else if (action === "append") model.append(table, tokenIds);
            else model.release(table);
            model.check();
          }
          model.releaseAll();
        },
      ),
      { numRuns: 300 },
    );
    // The property would hold just as well if nothing were ever found.
    expect(numHits).toBeGreaterThan(100);
  });
});

/** Six sequences over a pool, those of even index under another salt, and what the pool's memory would hold. */
class PoolModel {
  readonly #pool: BlockPool;
  // slot -> the token written there
  readonly #memory = new Map<number, number>();
  readonly #sequences;

  constructor(numBlocks: number, blocksPerTile: number) {
    const pool = new BlockPool(numBlocks, blockSize, blocksPerTile * blockSize);
    this.#pool = pool;
    this.#sequences = Array.from({ length: 6 }, (_, index) => ({
      salt: String(index % 2),
      table: tableOf(pool, String(index % 2)),
      tokenIds: [] as number[],
      numComputed: 0,
    }));
  }

  /** Returns how many tokens were found. */
  start(index: number, tokenIds: readonly number[]): number {
    this.release(index);
    const sequence = this.#at(index);
    const table = tableOf(this.#pool, sequence.salt);
    const numCached = table.start(tokenIds);
    if (numCached !== undefined) Object.assign(sequence, { table, tokenIds: [...tokenIds], numComputed: numCached });
    return numCached ?? 0;
  }

  compute(index: number, amount: number): void {
    const sequence = this.#at(index);
    const { table, tokenIds } = sequence;
    const end = Math.min(sequence.numComputed + amount, tokenIds.length);
    for (let position = sequence.numComputed; position < end; position += 1) {
      const block = table.blockIds[Math.floor(position / blockSize)] ?? -1;
      equal(this.#sequences.filter((each) => each.table.blockIds.some((id) => id === block)).length, 1);
      this.#memory.set(block * blockSize + (position % blockSize), tokenIds[position] ?? -1);
    }
    sequence.numComputed = end;
    table.publish(tokenIds, end);
  }

  append(index: number, tokenIds: readonly number[]): void {
    const { table, tokenIds: known } = this.#at(index);
    const isStarted = table.blockIds.length > 0;
    if (isStarted && table.growTo(known.length + tokenIds.length)) known.push(...tokenIds);
  }

  release(index: number): void {
    const sequence = this.#at(index);
    sequence.table.release();
    Object.assign(sequence, { tokenIds: [], numComputed: 0 });
  }

  releaseAll(): void {
    for (const { table } of this.#sequences) table.release();
    const { numBlocks } = this.#pool;
    deepEqual(
      this.#pool.acquire([], numBlocks)?.toSorted((a, b) => a - b),
      upTo(numBlocks),
    );
  }

  check(): void {
    const owned = this.#sequences.flatMap(({ table }) => table.blockIds);
    equal(new Set(owned).size + this.#pool.numFree, this.#pool.numBlocks);
    const ofSalt = ["0", "1"].map((salt) =>
      this.#sequences.flatMap((each) => (each.salt === salt ? each.table.blockIds : [])),
    );
    equal(
      ofSalt[0]?.some((id) => ofSalt[1]?.includes(id)),
      false,
    );
    for (const { table, tokenIds, numComputed } of this.#sequences) {
      const read = tokenIds.slice(0, numComputed).map((_, position) => {
        const block = table.blockIds[Math.floor(position / blockSize)] ?? -1;
        return this.#memory.get(block * blockSize + (position % blockSize));
      });
      deepEqual(read, tokenIds.slice(0, numComputed));
    }
  }

  #at(index: number) {
    const sequence = this.#sequences[index];
    if (sequence === undefined) throw new RangeError(`no sequence ${index}`);
    return sequence;
  }
}

function tableOf(pool: BlockPool, cacheSalt = ""): BlockTable {
  return new BlockTable(pool, new HashChain({ cacheSalt }, pool.blockSize, sha256));
}

/** The tokens 0, 1, 2, … */
function upTo(length: number): number[] {
  return [...Array(length).keys()];
}
