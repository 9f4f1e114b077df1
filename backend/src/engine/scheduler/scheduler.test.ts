import { describe, expect, test } from "vitest";
import { BlockPool } from "#engine/kv/block-pool.ts";
import { BlockTable } from "#engine/kv/block-table.ts";
import type { SequenceId } from "./sequence-id.ts";
import { Scheduler, type SchedulerOutput } from "./scheduler.ts";
import { Sequence } from "./sequence.ts";

const limits = { maxNumBatchedTokens: 16, maxNumSeqs: 4, maxQueuedRequests: 3, maxQueuedTokens: 100 };

describe("Scheduler", () => {
  test("computes a long prompt in chunks of the budget", () => {
    const { scheduler, add } = setUp(limits, 16);
    add(40);
    expect(step(scheduler)).toEqual({ 0: 16 });
    expect(step(scheduler)).toEqual({ 0: 16 });
    expect(step(scheduler)).toEqual({ 0: 8 });
    expect(step(scheduler)).toEqual({ 0: 1 });
  });

  test("cuts a prompt at block ends only, and starts none of which no block fits", () => {
    const { scheduler, add } = setUp(limits, 64);
    add(13);
    add(9);
    expect(step(scheduler)).toEqual({ 0: 13 });
    expect(scheduler.numWaiting).toBe(1);
    add(2);
    expect(step(scheduler)).toEqual({ 0: 1, 1: 9, 2: 2 });
  });

  test("decodes come first and a long prompt takes what they leave", () => {
    const { scheduler, add } = setUp(limits, 16);
    add(3);
    add(3);
    step(scheduler);
    add(30);
    expect(step(scheduler)).toEqual({ 0: 1, 1: 1, 2: 12 });
    expect(step(scheduler)).toEqual({ 0: 1, 1: 1, 2: 12 });
    expect(step(scheduler)).toEqual({ 0: 1, 1: 1, 2: 6 });
  });

  test("an older prompt half computed does not starve younger decodes", () => {
    const { scheduler, add } = setUp(limits, 32);
    add(4, 1);
    step(scheduler);
    add(60, 0);
    expect(step(scheduler)).toEqual({ 0: 1, 1: 12 });
    expect(step(scheduler)).toEqual({ 0: 1, 1: 12 });
  });

  test("starts waiting sequences by priority, then arrival, and never more than maxNumSeqs", () => {
    const { scheduler, add } = setUp({ ...limits, maxNumSeqs: 2 }, 16);
    add(2, 5);
    add(2, 0);
    add(2, 0);
    expect(Object.keys(step(scheduler))).toEqual(["1", "2"]);
    expect(scheduler.numWaiting).toBe(1);
  });

  test("of one priority, starts the tenant for which least was done, however many requests another has", () => {
    const { scheduler, add } = setUp({ ...limits, maxNumSeqs: 2 }, 64);
    for (let request = 0; request < 6; request += 1) add(4, 0, "many");
    expect(Object.keys(step(scheduler))).toEqual(["0", "1"]);
    const [few, urgent] = [add(4, 0, "few"), add(4, -1, "many")];
    const startedNext = [2, 3, 4].map(() => {
      scheduler.remove(scheduler.schedule().scheduled[0]!.sequence);
      return scheduler.schedule().scheduled.at(-1)?.sequence.id;
    });
    expect(startedNext).toEqual([urgent.id, few.id, 2]);
  });

  test("a tenant that was away for long is not served ahead of the others for as long", () => {
    const { scheduler, add } = setUp({ ...limits, maxNumSeqs: 1 }, 64);
    const startedTenants = (count: number): string[] =>
      Array.from({ length: count }, () => {
        const { sequence } = scheduler.schedule().scheduled[0]!;
        scheduler.remove(sequence);
        return sequence.tenant;
      });
    for (let request = 0; request < 20; request += 1) add(4, 0, "busy");
    startedTenants(10);
    for (let request = 0; request < 5; request += 1) add(4, 0, "back");
    expect(startedTenants(6).filter((tenant) => tenant === "back")).toHaveLength(3);
  });

  test("nobody overtakes the first in line when it does not fit", () => {
    const { scheduler, add } = setUp(limits, 4);
    add(12);
    step(scheduler);
    add(8);
    add(2);
    expect(step(scheduler)).toEqual({ 0: 1 });
    expect(scheduler.numWaiting).toBe(2);
  });

  test("preempts the youngest of the lowest priority when a decode needs a block, and starts it again later", () => {
    const { scheduler, add } = setUp(limits, 4);
    const [first, second] = [add(8, 0), add(7, 0)];
    expect(step(scheduler)).toEqual({ 0: 8, 1: 7 });
    // The first now knows 9 tokens and needs a third block; the second holds the other two.
    const output = scheduler.schedule();
    expect(output.preempted).toEqual([second]);
    expect(output.scheduled.map(({ sequence }) => sequence)).toEqual([first]);
    expect(second.blocks.blockIds).toEqual([]);
    expect(second.tokenIds).toHaveLength(8);
    scheduler.remove(first);
    expect(step(scheduler)).toEqual({ 1: 8 });
  });

  test("of one priority, preempts who started last, not who came last", () => {
    const { scheduler, add } = setUp({ ...limits, maxNumSeqs: 2 }, 4);
    const [first, late] = [add(4, 0, "many"), add(8, 0, "many")];
    // Its tenant's turn comes before the other tenant's second.
    const early = add(7, 0, "few");
    expect(step(scheduler)).toEqual({ [first.id]: 4, [early.id]: 7 });
    scheduler.remove(first);
    expect(step(scheduler)).toEqual({ [early.id]: 1, [late.id]: 8 });
    // Both now need a third block, and none is free.
    const output = scheduler.schedule();
    expect(output.preempted).toEqual([late]);
    expect(output.scheduled.map(({ sequence }) => sequence)).toEqual([early]);
  });

  test("bounds the waiting tokens, and an empty queue takes anyone", () => {
    const { scheduler, add } = setUp(limits, 64);
    expect(scheduler.findRoom(asking(1_000)).kind).toBe("room");
    add(60);
    expect(scheduler.numQueuedTokens).toBe(60);
    expect(scheduler.findRoom(asking(40)).kind).toBe("room");
    expect(scheduler.findRoom(asking(41)).kind).toBe("full");
  });

  test("bounds the waiting requests, not counting those about to run", () => {
    const { scheduler, add } = setUp({ ...limits, maxNumSeqs: 2, maxQueuedRequests: 1 }, 64);
    for (let running = 0; running < 2; running += 1) add(1);
    expect(scheduler.findRoom(asking(1)).kind).toBe("room");
    step(scheduler);
    add(1);
    expect(scheduler.findRoom(asking(1)).kind).toBe("full");
  });

  test("drafts take what a step of decodes leaves of its budget, and of the sequences' own blocks", () => {
    const { scheduler, add } = setUp({ ...limits, maxNumBatchedTokens: 32 }, 64);
    // Each has room for what comes after its newest token: three of four places of a block, two, none, and all four.
    for (const numTokens of [4, 5, 7, 8]) add(numTokens);
    step(scheduler);
    const asked: number[] = [];
    const { scheduled } = scheduler.schedule((_, most) => {
      asked.push(most);
      return Array.from({ length: most }, () => 1);
    });
    expect(asked).toEqual([3, 2, 3]);
    expect(scheduled.map(({ numTokens, draftTokenIds }) => [numTokens, draftTokenIds.length])).toEqual([
      [1, 3],
      [1, 2],
      [1, 0],
      [1, 3],
    ]);
    const tight = setUp({ ...limits, maxNumBatchedTokens: 7 }, 64);
    for (let sequence = 0; sequence < 4; sequence += 1) tight.add(1);
    step(tight.scheduler);
    const drafted = tight.scheduler.schedule((_, most) => Array.from({ length: Math.min(2, most) }, () => 1)).scheduled;
    expect(drafted.map(({ draftTokenIds }) => draftTokenIds.length)).toEqual([2, 1, 0, 0]);
  });

  test("drafts are of sequences that together are not too long to be copied", () => {
    const { scheduler, add } = setUp({ ...limits, maxNumBatchedTokens: 8_000 }, 4_000);
    for (const numTokens of [3_000, 2_000, 1_000]) add(numTokens);
    step(scheduler);
    const { scheduled } = scheduler.schedule(() => [1]);
    expect(scheduled.map(({ draftTokenIds }) => draftTokenIds.length)).toEqual([1, 0, 1]);
  });

  test("drafts take no block, whoever is short of one, and no room beside a prompt", () => {
    const { scheduler, add } = setUp(limits, 64);
    const [first] = [add(6)];
    step(scheduler);
    const numBlocks = first.blocks.blockIds.length;
    scheduler.schedule((_, most) => Array.from({ length: most }, () => 1));
    expect(first.blocks.blockIds).toHaveLength(numBlocks);
    add(3);
    expect(scheduler.schedule(neverAsked).scheduled).toHaveLength(2);
  });

  test("prompts whose logits are all wanted share a part of a step; others take the rest, and decodes are never kept from theirs", () => {
    const { scheduler, add } = setUp({ ...limits, maxNumBatchedTokens: 256, maxQueuedTokens: 1_000 }, 256);
    const scored = add(70, 0, "", { prompt: true });
    add(100);
    expect(step(scheduler)).toEqual({ 0: 64, 1: 100 });
    add(90, 0, "", { prompt: true });
    add(8);
    expect(step(scheduler)).toEqual({ 0: 6, 1: 1, 2: 56, 3: 8 });
    expect(scored.isScoring).toBe(false);
    expect(step(scheduler)).toEqual({ 0: 1, 1: 1, 2: 34, 3: 1 });
    expect(step(scheduler)).toEqual({ 0: 1, 1: 1, 2: 1, 3: 1 });
  });

  test("refuses a budget that cannot hold every decode and a block of a prompt", () => {
    expect(() => new Scheduler({ ...limits, maxNumBatchedTokens: 6 }, 4)).toThrow("maxNumBatchedTokens");
  });
});

function setUp(schedulerLimits: typeof limits, numBlocks: number) {
  const scheduler = new Scheduler(schedulerLimits, 4);
  const pool = new BlockPool(numBlocks, 4);
  let nextId = 0;
  const add = (numTokens: number, priority = 0, tenant = "", logprobs?: { readonly prompt: boolean }): Sequence => {
    const promptTokenIds = Array.from({ length: numTokens }, () => 1);
    const sequence = new Sequence(
      { sequenceId: nextId++ as SequenceId, promptTokenIds, priority, tenant, logprobs },
      new BlockTable(pool),
    );
    scheduler.add(sequence);
    return sequence;
  };
  return { scheduler, add };
}

const neverAsked = (): never => {
  throw new Error("nothing may be drafted");
};

/** One more request of the same tenant. */
function asking(numTokens: number) {
  return { tenant: "", priority: 0, numSequences: 1, numTokens };
}

/** Schedules, then does what an engine does: every sequence that reached its newest token gets another one. */
function step(scheduler: Scheduler): Record<number, number> {
  const output = scheduler.schedule();
  for (const { sequence, numTokens, reachesNewest } of output.scheduled) {
    sequence.advance(numTokens);
    if (reachesNewest) sequence.append(1);
  }
  return numTokensById(output);
}

/** sequence id -> numTokens. */
function numTokensById({ scheduled }: SchedulerOutput): Record<number, number> {
  return Object.fromEntries(scheduled.map(({ sequence, numTokens }) => [sequence.id, numTokens]));
}
