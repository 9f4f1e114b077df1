// What fair shares promise, over whole runs: every scheduled sequence is advanced, and leaves when it has its output.
import { HashChain } from "@sluice/shared/hash-chain.ts";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { BlockPool } from "#engine/kv/block-pool.ts";
import { BlockTable } from "#engine/kv/block-table.ts";
import { sha256 } from "#platform/sha256.ts";
import { CACHED_TOKEN_LEAD, OUTPUT_TOKEN_COST } from "./fair-shares.ts";
import { Scheduler } from "./scheduler.ts";
import type { SequenceId } from "./sequence-id.ts";
import { Sequence } from "./sequence.ts";

const limits = { maxNumBatchedTokens: 32, maxNumSeqs: 8, maxQueuedRequests: 400, maxQueuedTokens: 100_000 };
const blockSize = 4;

interface Size {
  readonly numPromptTokens: number;
  readonly numOutputTokens: number;
}

const longestPrompt = 30;
const size = fc.record({
  numPromptTokens: fc.integer({ min: 1, max: longestPrompt }),
  numOutputTokens: fc.integer({ min: 1, max: 20 }),
});
const numBlocks = fc.integer({ min: 13, max: 64 });

test("one request behind a hundred of another tenant starts before all that have not started yet, or before long if those are cached", () => {
  const crowd = fc.array(size, { minLength: 100, maxLength: 100 });
  let mostOvertaken = 0;
  fc.assert(
    fc.property(
      crowd,
      size,
      fc.integer({ min: 1, max: 60 }),
      numBlocks,
      fc.boolean(),
      (crowdSizes, single, arrivesAtStep, poolBlocks, caching) => {
        const run = new Run(poolBlocks, caching);
        const before = crowdSizes.slice(0, 90).map((each) => run.add("crowd", each));
        for (let step = 0; step < arrivesAtStep; step += 1) run.step();
        const waiting = before.filter(({ startOrder }) => startOrder === Infinity);
        const arrived = run.add("single", single);
        const after = crowdSizes.slice(90).map((each) => run.add("crowd", each));
        while (run.hasWork) run.step();
        const overtaken = [...waiting, ...after].filter(({ startOrder }) => startOrder < arrived.startOrder);
        const charged = overtaken.reduce((sum, each) => sum + each.numPromptTokens - (each.numCachedTokens ?? 0), 0);
        // Cached prompts go first until they have had their lead, and the last of them may be a long one.
        expect(charged).toBeLessThanOrEqual(caching ? (CACHED_TOKEN_LEAD + 1) * longestPrompt : 0);
        mostOvertaken = Math.max(mostOvertaken, overtaken.length);
      },
    ),
    { numRuns: 200 },
  );
  // The lead is real.
  expect(mostOvertaken).toBeGreaterThan(0);
});

test("while two tenants wait, the work done for them never differs by more than the paper's bound and the lead of what is cached", () => {
  fc.assert(
    fc.property(size, size, numBlocks, fc.boolean(), (one, other, poolBlocks, caching) => {
      const run = new Run(poolBlocks, caching);
      for (let index = 0; index < 60; index += 1) {
        run.add("one", one);
        run.add("other", other);
      }
      const longest = Math.max(one.numPromptTokens, other.numPromptTokens);
      const mostRunning = limits.maxNumSeqs * Math.max(one.numOutputTokens, other.numOutputTokens);
      // Theorem 4.4, with its weights: 2 * max(w_p * L_input, w_q * M).
      // Of one that was preempted, its output is cached too.
      const longestOutput = Math.max(one.numOutputTokens, other.numOutputTokens);
      const lead = caching ? CACHED_TOKEN_LEAD * (longest + longestOutput) : 0;
      const bound = 2 * Math.max(longest, OUTPUT_TOKEN_COST * mostRunning) + lead;
      const bothWait = () => run.numWaiting("one") > 0 && run.numWaiting("other") > 0;
      let greatest = 0;
      // In the step in which the last of one starts, the rest is for the other.
      for (run.step(); bothWait(); run.step()) {
        greatest = Math.max(greatest, Math.abs(run.workDoneFor("one") - run.workDoneFor("other")));
      }
      expect(greatest).toBeLessThanOrEqual(bound);
    }),
    { numRuns: 100 },
  );
});

test("tenants whose prefixes do not fit the cache together are not each computed again for every turn", () => {
  // Each prefix takes 6 of 8 blocks.
  const run = new Run(8, true);
  for (let index = 0; index < 20; index += 1) {
    for (const tenant of ["one", "other"]) run.add(tenant, { numPromptTokens: 26, numOutputTokens: 2 });
  }
  while (run.hasWork) run.step();
  const numColdTurns = run.numComputedTokens / 26;
  expect(numColdTurns).toBeGreaterThanOrEqual(2);
  // Of 40 turns: a lead of 48 is some eight turns of 2 + 2 * 2.
  expect(numColdTurns).toBeLessThan(10);
});

class Run {
  readonly #scheduler = new Scheduler(limits, blockSize);
  readonly #pool: BlockPool;
  readonly #sizes = new Map<Sequence, Size>();
  readonly #waiting = new Set<Sequence>();
  // tenant -> units of one computed prompt token
  readonly #work = new Map<string, number>();
  readonly #caching: boolean;
  #numAdded = 0;
  #numComputedTokens = 0;

  /** @param caching whether a tenant's prompts, which all begin alike, are found in the prefix cache. */
  constructor(poolBlocks: number, caching: boolean) {
    this.#pool = new BlockPool(poolBlocks, blockSize);
    this.#caching = caching;
  }

  /** Of prompts and outputs. */
  get numComputedTokens(): number {
    return this.#numComputedTokens;
  }

  get hasWork(): boolean {
    return this.#sizes.size > 0;
  }

  /** Sequences that never started. */
  numWaiting(tenant: string): number {
    return [...this.#waiting].filter((sequence) => sequence.tenant === tenant).length;
  }

  workDoneFor(tenant: string): number {
    return this.#work.get(tenant) ?? 0;
  }

  add(tenant: string, sequenceSize: Size): Sequence {
    const sequenceId = this.#numAdded++ as SequenceId;
    const promptTokenIds = Array.from({ length: sequenceSize.numPromptTokens }, () => 1);
    const request = { sequenceId, promptTokenIds, priority: 0, tenant };
    const chain = this.#caching ? new HashChain({ cacheSalt: tenant }, blockSize, sha256) : undefined;
    const sequence = new Sequence(request, new BlockTable(this.#pool, chain));
    this.#sizes.set(sequence, sequenceSize);
    this.#waiting.add(sequence);
    this.#scheduler.add(sequence);
    return sequence;
  }

  step(): void {
    for (const { sequence, numTokens, reachesNewest } of this.#scheduler.schedule().scheduled) {
      const isFirst = this.#waiting.delete(sequence);
      const numPromptTokens = isFirst ? sequence.numPromptTokens - (sequence.numCachedTokens ?? 0) : 0;
      const work = numPromptTokens + (reachesNewest ? OUTPUT_TOKEN_COST : 0);
      this.#numComputedTokens += numTokens;
      this.#work.set(sequence.tenant, this.workDoneFor(sequence.tenant) + work);
      sequence.advance(numTokens);
      if (reachesNewest) sequence.append(1);
      if (sequence.numOutputTokens < (this.#sizes.get(sequence)?.numOutputTokens ?? 0)) continue;
      this.#scheduler.remove(sequence);
      this.#sizes.delete(sequence);
    }
  }
}
