// Blocks under everything at once: shared prefixes, chunks, scored prompts, guesses that come true and that do not, preemption, aborts
// before and during steps, and steps that fail. The pool's memory is played: what is written where, and what is found there again.
import { equal, ok } from "node:assert/strict";
import { HashChain } from "@sluice/shared/hash-chain.ts";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { BlockId } from "#engine/kv/block-id.ts";
import { BlockPool } from "#engine/kv/block-pool.ts";
import { BlockTable } from "#engine/kv/block-table.ts";
import { sha256 } from "#platform/sha256.ts";
import { Scheduler } from "./scheduler.ts";
import type { SequenceId } from "./sequence-id.ts";
import { Sequence } from "./sequence.ts";
import { maxScoredStepTokens, maxStepLogits, type ScheduledSequence } from "./step-plan.ts";

const limits = { maxNumBatchedTokens: 24, maxNumSeqs: 6, maxQueuedRequests: 100, maxQueuedTokens: 10_000 };
const blockSize = 4;
const maxModelLen = 40;

interface Arrival {
  readonly tenant: string;
  readonly priority: number;
  /** Whose tokens it begins with, of those that live; else with the beginning that all prompts may share. */
  readonly continued: number | undefined;
  /** Of these, how many at most. */
  readonly numShared: number;
  readonly own: readonly number[];
  readonly numOutputTokens: number;
  readonly isScored: boolean;
}

type Command =
  | { readonly kind: "add"; readonly arrival: Arrival }
  | { readonly kind: "abort"; readonly nth: number }
  | {
      readonly kind: "step";
      readonly numRight: number;
      readonly abortMeanwhile: number | undefined;
      readonly fails: boolean;
    };

const arrival: fc.Arbitrary<Arrival> = fc.record({
  tenant: fc.constantFrom("a", "b"),
  priority: fc.constantFrom(-1, 0, 0, 1),
  continued: fc.option(fc.nat(20), { freq: 1, nil: undefined }),
  numShared: fc.integer({ min: 0, max: 14 }),
  own: fc.array(fc.nat(2), { maxLength: 12, size: "max" }),
  numOutputTokens: fc.oneof(fc.integer({ min: 1, max: 14 }), fc.constant(14)),
  isScored: fc.boolean(),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("add" as const), arrival }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("abort" as const), nth: fc.nat(20) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("step" as const),
      numRight: fc.nat(6),
      abortMeanwhile: fc.integer({ min: -120, max: 20 }).map((drawn) => (drawn < 0 ? undefined : drawn)),
      fails: fc.integer({ min: 0, max: 30 }).map((drawn) => drawn === 0),
    }),
  },
);

test("whatever comes together, each block is where its tokens are, and all come back", () => {
  const seen = { preempted: 0, cachedTokens: 0, rightGuesses: 0, wrongGuesses: 0, lostMeanwhile: 0, failed: 0 };
  fc.assert(
    fc.property(
      fc.array(command, { minLength: 30, maxLength: 150, size: "max" }),
      fc.integer({ min: maxModelLen / blockSize, max: 14 }),
      fc.constantFrom(1, 2),
      (commands, numBlocks, blocksPerTile) => {
        const house = new House(numBlocks, blocksPerTile, seen);
        for (const each of commands) {
          if (each.kind === "add") house.add(each.arrival);
          else if (each.kind === "abort") house.abort(each.nth);
          else house.step(each);
          house.check();
        }
        house.runToEnd();
      },
    ),
    { numRuns: 100 },
  );
  // The property would hold just as well if little of it ever happened.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(100);
});

type Seen = Record<"preempted" | "cachedTokens" | "rightGuesses" | "wrongGuesses" | "lostMeanwhile" | "failed", number>;

class House {
  readonly #pool: BlockPool;
  readonly #scheduler = new Scheduler(limits, blockSize);
  readonly #live = new Map<Sequence, Arrival>();
  /** slot -> whose history up to which token was computed there last */
  readonly #memory = new Map<number, string>();
  readonly #seen: Seen;
  #numAdded = 0;

  constructor(numBlocks: number, blocksPerTile: number, seen: Seen) {
    this.#pool = new BlockPool(numBlocks, blockSize, blockSize * blocksPerTile);
    this.#seen = seen;
  }

  add(wanted: Arrival): void {
    const { tenant, priority, continued, numShared, own, isScored } = wanted;
    const known = continued === undefined ? undefined : this.#nth(continued)?.tokenIds;
    const beginning = known ?? Array.from({ length: numShared }, (_, index) => (index + 1) % 3);
    const promptTokenIds = [1, ...beginning.slice(1, numShared), ...own];
    const sequenceId = this.#numAdded++ as SequenceId;
    // As the engine has it: whose logits are all wanted neither finds nor names blocks.
    const chain = isScored ? undefined : new HashChain({ cacheSalt: tenant }, blockSize, sha256);
    const request = { sequenceId, promptTokenIds, tenant, priority, logprobs: { prompt: isScored } };
    const sequence = new Sequence(request, new BlockTable(this.#pool, chain));
    this.#live.set(sequence, wanted);
    this.#scheduler.add(sequence);
  }

  abort(nth: number): void {
    const sequence = this.#nth(nth);
    if (sequence !== undefined) this.#end(sequence);
  }

  step({ numRight, abortMeanwhile, fails }: Extract<Command, { kind: "step" }>): void {
    const { scheduled, preempted, started } = this.#scheduler.schedule((sequence, most) =>
      guess(sequence, numRight, most),
    );
    equal(scheduled.length > 0, this.#live.size > 0);
    this.#seen.preempted += preempted.length;
    for (const { numCachedTokens = 0 } of started) this.#seen.cachedTokens += numCachedTokens;
    this.#checkPlan(scheduled);
    this.#write(scheduled);
    if (abortMeanwhile !== undefined && this.#live.size > 0) {
      this.abort(abortMeanwhile);
      this.#seen.lostMeanwhile += 1;
    }
    for (const [index, each] of scheduled.entries()) {
      if (!this.#live.has(each.sequence)) continue;
      // Of a step that fails, the first is at fault, and the others stand as they did.
      if (fails && index === 0) this.#end(each.sequence);
      if (!fails) this.#advance(each);
    }
    this.#seen.failed += Number(fails);
  }

  /** Every table holds what its sequence computed, and every block is owned by those whose table it is in. */
  check(): void {
    const owners = new Map<BlockId, { readonly sequence: Sequence; readonly index: number }[]>();
    for (const sequence of this.#live.keys()) {
      for (const [index, id] of sequence.blocks.blockIds.entries()) {
        owners.set(id, [...(owners.get(id) ?? []), { sequence, index }]);
      }
      for (let position = 0; position < sequence.numComputedTokens; position += 1) {
        equal(this.#memory.get(slotOf(sequence, position)), historyOf(sequence, position));
      }
    }
    equal(this.#pool.numFree, this.#pool.numBlocks - owners.size);
    for (const shared of owners.values()) {
      if (shared.length === 1) continue;
      for (const { sequence, index } of shared) {
        ok((index + 1) * blockSize <= sequence.numComputedTokens);
      }
    }
  }

  /** Nobody waits for ever. */
  runToEnd(): void {
    for (let numSteps = 0; this.#live.size > 0; numSteps += 1) {
      ok(numSteps < 10_000);
      this.step({ kind: "step", numRight: numSteps % 4, abortMeanwhile: undefined, fails: false });
      this.check();
    }
    equal(this.#pool.numFree, this.#pool.numBlocks);
  }

  #checkPlan(scheduled: readonly ScheduledSequence[]): void {
    const sum = (count: (each: ScheduledSequence) => number): number =>
      scheduled.reduce((total, each) => total + count(each), 0);
    ok(sum(({ numTokens, draftTokenIds }) => numTokens + draftTokenIds.length) <= limits.maxNumBatchedTokens);
    ok(sum(({ sequence, numTokens }) => (sequence.isScoring ? numTokens : 0)) <= maxScoredStepTokens);
    ok(sum(numLogitsOf) <= maxStepLogits(limits.maxNumSeqs));
    ok(this.#scheduler.numRunning <= limits.maxNumSeqs);
    const inStep = new Set(scheduled.map(({ sequence }) => sequence));
    for (const sequence of this.#live.keys()) {
      const isRunning = sequence.blocks.blockIds.length > 0;
      ok(inStep.has(sequence) || !isRunning || !sequence.isDecoding);
    }
  }

  /** Guesses are written behind the newest token, whether they come true or not. Nobody else may look where is written. */
  #write(scheduled: readonly ScheduledSequence[]): void {
    const tables = [...this.#live.keys()].map(({ blocks }) => blocks.blockIds);
    for (const { sequence, numTokens, draftTokenIds } of scheduled) {
      for (let index = 0; index < numTokens + draftTokenIds.length; index += 1) {
        const position = sequence.numComputedTokens + index;
        const written = Math.floor(slotOf(sequence, position) / blockSize) as BlockId;
        equal(tables.filter((table) => table.includes(written)).length, 1);
        const isGuess = index >= numTokens;
        const guessed = draftTokenIds.slice(0, index - numTokens + 1);
        this.#memory.set(slotOf(sequence, position), historyOf(sequence, position, isGuess ? guessed : []));
      }
    }
  }

  #advance({ sequence, numTokens, reachesNewest, draftTokenIds }: ScheduledSequence): void {
    sequence.advance(numTokens);
    if (!reachesNewest || this.#appendTo(sequence)) return;
    for (const draft of draftTokenIds) {
      if (sequence.tokenIds.at(-1) !== draft) {
        this.#seen.wrongGuesses += 1;
        return;
      }
      this.#seen.rightGuesses += 1;
      sequence.advance(1);
      if (this.#appendTo(sequence)) return;
    }
  }

  /** Absent when nobody lives. */
  #nth(number: number): Sequence | undefined {
    return [...this.#live.keys()][number % Math.max(1, this.#live.size)];
  }

  /** True when that was the last. */
  #appendTo(sequence: Sequence): boolean {
    sequence.append(tokenAfter(sequence.tokenIds));
    if (sequence.numOutputTokens < (this.#live.get(sequence)?.numOutputTokens ?? 0)) return false;
    this.#end(sequence);
    return true;
  }

  #end(sequence: Sequence): void {
    this.#scheduler.remove(sequence);
    this.#live.delete(sequence);
  }
}

function numLogitsOf({ sequence, numTokens, draftTokenIds }: ScheduledSequence): number {
  return sequence.isScoring ? numTokens : 1 + draftTokenIds.length;
}

/** Follows from all tokens before it; few are told apart, so that sequences meet again. */
function tokenAfter(tokenIds: readonly number[]): number {
  return tokenIds.reduce((hash, tokenId) => (31 * hash + tokenId + 1) % 10_007, 7) % 3;
}

/** What will follow, right for so many tokens and then wrong. */
function guess({ tokenIds }: Sequence, numRight: number, most: number): number[] {
  const guessed: number[] = [];
  while (guessed.length < Math.min(most, numRight + 1)) {
    const right = tokenAfter([...tokenIds, ...guessed]);
    guessed.push(guessed.length < numRight ? right : (right + 1) % 3);
  }
  return guessed;
}

function slotOf({ blocks }: Sequence, position: number): number {
  const block = blocks.blockIds[Math.floor(position / blockSize)];
  if (block === undefined) throw new Error(`position ${position} has no block`);
  return block * blockSize + (position % blockSize);
}

/** The tenant and all tokens up to the position's, of which the last may be guessed. */
function historyOf({ tenant, tokenIds }: Sequence, position: number, guessed: readonly number[] = []): string {
  return `${tenant} ${[...tokenIds, ...guessed].slice(0, position + 1).join(" ")}`;
}
