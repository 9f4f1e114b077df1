// What fair shares promise, over whole runs: every scheduled sequence is advanced, and leaves when it has its output.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { BlockPool } from "#engine/kv/block-pool.ts";
import { BlockTable } from "#engine/kv/block-table.ts";
import { OUTPUT_TOKEN_COST } from "./fair-shares.ts";
import { Scheduler } from "./scheduler.ts";
import type { SequenceId } from "./sequence-id.ts";
import { Sequence } from "./sequence.ts";

const limits = { maxNumBatchedTokens: 32, maxNumSeqs: 8, maxQueuedRequests: 400, maxQueuedTokens: 100_000 };
const blockSize = 4;

interface Size {
  readonly numPromptTokens: number;
  readonly numOutputTokens: number;
}

const size = fc.record({
  numPromptTokens: fc.integer({ min: 1, max: 30 }),
  numOutputTokens: fc.integer({ min: 1, max: 20 }),
});
const numBlocks = fc.integer({ min: 13, max: 64 });

test("one request behind a hundred of another tenant starts before all that have not started yet", () => {
  const crowd = fc.array(size, { minLength: 100, maxLength: 100 });
  fc.assert(
    fc.property(
      crowd,
      size,
      fc.integer({ min: 1, max: 60 }),
      numBlocks,
      (crowdSizes, single, arrivesAtStep, poolBlocks) => {
        const run = new Run(poolBlocks);
        const before = crowdSizes.slice(0, 90).map((each) => run.add("crowd", each));
        for (let step = 0; step < arrivesAtStep; step += 1) run.step();
        const waiting = before.filter(({ startOrder }) => startOrder === Infinity);
        const arrived = run.add("single", single);
        const after = crowdSizes.slice(90).map((each) => run.add("crowd", each));
        while (run.hasWork) run.step();
        expect([...waiting, ...after].filter(({ startOrder }) => startOrder < arrived.startOrder)).toEqual([]);
      },
    ),
    { numRuns: 100 },
  );
});

test("while two tenants wait, the work done for them never differs by more than the paper's bound", () => {
  fc.assert(
    fc.property(size, size, numBlocks, (one, other, poolBlocks) => {
      const run = new Run(poolBlocks);
      for (let index = 0; index < 60; index += 1) {
        run.add("one", one);
        run.add("other", other);
      }
      const longest = Math.max(one.numPromptTokens, other.numPromptTokens);
      const mostRunning = limits.maxNumSeqs * Math.max(one.numOutputTokens, other.numOutputTokens);
      // Theorem 4.4, with its weights: 2 * max(w_p * L_input, w_q * M).
      const bound = 2 * Math.max(longest, OUTPUT_TOKEN_COST * mostRunning);
      let greatest = 0;
      while (run.numWaiting("one") > 0 && run.numWaiting("other") > 0) {
        run.step();
        greatest = Math.max(greatest, Math.abs(run.workDoneFor("one") - run.workDoneFor("other")));
      }
      expect(greatest).toBeLessThanOrEqual(bound);
    }),
    { numRuns: 100 },
  );
});

class Run {
  readonly #scheduler = new Scheduler(limits, blockSize);
  readonly #pool: BlockPool;
  readonly #sizes = new Map<Sequence, Size>();
  readonly #waiting = new Set<Sequence>();
  // tenant -> units of one computed prompt token
  readonly #work = new Map<string, number>();
  #numAdded = 0;

  constructor(poolBlocks: number) {
    this.#pool = new BlockPool(poolBlocks, blockSize);
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
    const sequence = new Sequence(request, new BlockTable(this.#pool));
    this.#sizes.set(sequence, sequenceSize);
    this.#waiting.add(sequence);
    this.#scheduler.add(sequence);
    return sequence;
  }

  step(): void {
    for (const { sequence, numTokens, reachesNewest } of this.#scheduler.schedule().scheduled) {
      const isFirst = this.#waiting.delete(sequence);
      const work = (isFirst ? sequence.numPromptTokens : 0) + (reachesNewest ? OUTPUT_TOKEN_COST : 0);
      this.#work.set(sequence.tenant, this.workDoneFor(sequence.tenant) + work);
      sequence.advance(numTokens);
      if (reachesNewest) sequence.append(1);
      if (sequence.numOutputTokens < (this.#sizes.get(sequence)?.numOutputTokens ?? 0)) continue;
      this.#scheduler.remove(sequence);
      this.#sizes.delete(sequence);
    }
  }
}
