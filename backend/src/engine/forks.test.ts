// A request of several choices: what it shares, and that sharing shows in nobody's tokens.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { FakeExecutor } from "./executor/fake-executor.ts";
import type { GenerationRequest, SequenceEvent } from "./generation.ts";
import { leastBatchedTokens } from "./scheduler/scheduler.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import { type Answer, answersOf, generateAlone, limits, request, runToEnd, upTo } from "./test-requests.ts";

const sampled = { temperature: 1, topP: 1, topK: 0, seed: 5 };

describe("a request of several choices", () => {
  test("gives each what it would give alone with that stream, and the first what one choice gives", async () => {
    const engine = new Engine(new FakeExecutor(), limits);
    engine.add(family(1, upTo(18), 6, 4));
    const answers = await runToEnd(engine);
    expect(answers.map(({ tokenIds }) => tokenIds)).toEqual(await choicesAlone(upTo(18), 6, 4));
    expect(new Set(answers.map(({ tokenIds }) => tokenIds.join())).size).toBe(4);
    expect(engine.load().numFreeBlocks).toBe(64);
  });

  test.each([
    { promptLength: 18, cache: "on", numOwn: 3 },
    { promptLength: 18, cache: "off", numOwn: 3 },
    { promptLength: 16, cache: "off", numOwn: 1 },
    { promptLength: 3, cache: "on", numOwn: 4 },
  ])("computes a prompt of $promptLength once, cache $cache", async ({ promptLength, cache, numOwn }) => {
    const computed: number[] = [];
    const executor = new FakeExecutor({}, (batch) => {
      computed.push(...batch.map(({ tokenIds }) => tokenIds.length));
    });
    const engine = new Engine(executor, limits, cache === "on");
    engine.add(family(1, upTo(promptLength), 2, 4));
    const answers = await runToEnd(engine);
    // The first computes the prompt and then its first token; each other, what fills no block and its first token.
    expect(computed).toEqual([promptLength, 1, numOwn, numOwn, numOwn]);
    expect(answers.map(({ tokenIds }) => tokenIds)).toEqual(await choicesAlone(upTo(promptLength), 2, 4));
    expect(engine.load()).toMatchObject({ totals: { promptTokens: promptLength, generationTokens: 8 } });
  });

  test("of one token each takes one step, without a cache too", async () => {
    let numSteps = 0;
    const engine = new Engine(new FakeExecutor({}, () => void (numSteps += 1)), limits, false);
    engine.add(family(1, upTo(18), 1, 4));
    const answers = await runToEnd(engine);
    expect(numSteps).toBe(1);
    expect(answers.map(({ tokenIds }) => tokenIds)).toEqual(await choicesAlone(upTo(18), 1, 4));
  });

  test("shares the prompt's full blocks by reference", async () => {
    const engine = new Engine(new FakeExecutor(), limits, false);
    engine.add(family(1, upTo(18), 9, 4));
    await engine.step();
    await engine.step();
    // Four full blocks once, and of each its own last block, which holds tokens 16 to 19.
    expect(engine.load().numFreeBlocks).toBe(64 - 4 - 4);
  });

  test("tells the prompt's logprobs once, and shares its blocks all the same", async () => {
    const engine = new Engine(new FakeExecutor(), limits);
    engine.add({ ...family(1, upTo(18), 3, 3), logprobs: { numTop: 1, prompt: true } });
    const events: SequenceEvent[] = [await engine.step(), await engine.step()].flat();
    expect(engine.load().numFreeBlocks).toBe(64 - 4 - 3);
    while (engine.hasWork) events.push(...(await engine.step()));
    const logprobs = events.map((event) => event.kind !== "failed" && event.logprobs);
    expect(logprobs.map((each) => each && each.prompt.length).filter(Boolean)).toEqual([17]);
    expect(logprobs.flatMap((each) => (each ? each.tokens : []))).toHaveLength(9);
    // Its blocks have names among themselves only: nobody finds them later.
    engine.add(request(9, upTo(18), 1));
    expect((await runToEnd(engine))[0]?.last).toMatchObject({ finish: { numCachedTokens: 0 } });
  });

  test("an abort ends one and leaves the others what they are", async () => {
    const alone = await choicesAlone(upTo(18), 6, 3);
    for (const aborted of [0, 1, 2]) {
      for (const afterSteps of [0, 1, 2, 3]) {
        const engine = new Engine(new FakeExecutor(), limits);
        engine.add(family(1, upTo(18), 6, 3));
        const events: SequenceEvent[] = [];
        for (let step = 0; step < afterSteps; step += 1) events.push(...(await engine.step()));
        expect(engine.abort((1 + aborted) as SequenceId)).toMatchObject({ finish: { reason: "abort" } });
        while (engine.hasWork) events.push(...(await engine.step()));
        const others = answersOf(events).filter(({ id }) => id !== 1 + aborted);
        expect(others.map(({ tokenIds }) => tokenIds)).toEqual(alone.filter((_, index) => index !== aborted));
        expect(engine.load().numFreeBlocks).toBe(64);
      }
    }
  });

  test("a first that fails while its prompt is computed leaves the others", async () => {
    let broken = true;
    const executor = new FakeExecutor({}, () => {
      if (broken) throw new Error("device lost");
    });
    const engine = new Engine(executor, limits);
    engine.add(family(1, upTo(18), 3, 3));
    expect(await engine.step()).toMatchObject([{ kind: "failed", sequenceId: 1 }]);
    broken = false;
    const answers = await runToEnd(engine);
    expect(answers.map(({ tokenIds }) => tokenIds)).toEqual((await choicesAlone(upTo(18), 3, 3)).slice(1));
  });

  test("is admitted whole or not at all, and counts with all its choices while it waits", () => {
    const engine = new Engine(new FakeExecutor(), { ...limits, maxNumSeqs: 2, maxQueuedRequests: 3 });
    expect(engine.add(family(1, [1], 5, 4))).toMatchObject({ admitted: true });
    expect(engine.load().numWaiting).toBe(4);
    expect(engine.add(family(11, [1], 5, 2))).toMatchObject({ admitted: false, code: "server_is_overloaded" });
    expect(engine.load().numWaiting).toBe(4);
    expect(engine.add(request(11, [1], 5))).toMatchObject({ admitted: true });
    expect(engine.add(family(21, [1], 5, 6))).toMatchObject({ admitted: false, code: "invalid_value" });
  });
});

test("whatever the pool, the budget, the company and who is aborted: choices as alone, and every block free", async () => {
  const asked = fc.record({
    promptLength: fc.integer({ min: 1, max: 24 }),
    maxTokens: fc.integer({ min: 1, max: 12 }),
    n: fc.integer({ min: 1, max: 5 }),
    arrivesAtStep: fc.nat(12),
    aborted: fc.option(fc.record({ index: fc.nat(4), atStep: fc.nat(15) }), { nil: undefined }),
    asksPrompt: fc.boolean(),
  });
  let numPreemptions = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(asked, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 9, max: 40 }),
      fc.integer({ min: leastBatchedTokens(limits.maxNumSeqs, 4), max: 32 }),
      fc.boolean(),
      async (all, numBlocks, maxNumBatchedTokens, prefixCaching) => {
        const executor = new FakeExecutor({ numBlocks });
        const engine = new Engine(executor, { ...limits, maxNumBatchedTokens }, prefixCaching);
        const events: SequenceEvent[] = [];
        for (let step = 0; step <= 15 || engine.hasWork; step += 1) {
          for (const [place, { promptLength, maxTokens, n, arrivesAtStep, aborted, asksPrompt }] of all.entries()) {
            const first = 1 + place * 10;
            const logprobs = asksPrompt ? { numTop: 0, prompt: true } : undefined;
            if (arrivesAtStep === step) engine.add({ ...family(first, upTo(promptLength), maxTokens, n), logprobs });
            if (aborted?.atStep === step) engine.abort((first + aborted.index) as SequenceId);
          }
          events.push(...(await engine.step()));
        }
        const answers = new Map(answersOf(events).map((each): [number, Answer] => [each.id, each]));
        for (const [place, { promptLength, maxTokens, n }] of all.entries()) {
          const alone = await choicesAlone(upTo(promptLength), maxTokens, n);
          for (const [index, tokenIds] of alone.entries()) {
            const answer = answers.get(1 + place * 10 + index);
            const isWhole = answer?.last.kind === "finished";
            expect(answer?.tokenIds ?? []).toEqual(
              isWhole ? tokenIds : tokenIds.slice(0, answer?.tokenIds.length ?? 0),
            );
          }
        }
        numPreemptions += engine.load().totals.preemptions;
        expect(engine.load()).toMatchObject({ numFreeBlocks: numBlocks, numRunning: 0, numWaiting: 0 });
      },
    ),
    { numRuns: 150 },
  );
  expect(numPreemptions).toBeGreaterThan(50);
});

/** A request of `n` choices, with ids from `first` on. */
function family(first: number, promptTokenIds: readonly number[], maxTokens: number, n: number): GenerationRequest {
  const forkIds = Array.from({ length: n - 1 }, (_, index) => (first + 1 + index) as SequenceId);
  return { ...request(first, promptTokenIds, maxTokens), sampling: sampled, forkIds };
}

/** What separate requests give, each with a stream of its own. */
function choicesAlone(promptTokenIds: readonly number[], maxTokens: number, n: number): Promise<number[][]> {
  const choices = Array.from({ length: n }, (_, stream) => ({
    ...request(1, promptTokenIds, maxTokens),
    sampling: { ...sampled, ...(stream > 0 && { stream }) },
  }));
  return Promise.all(choices.map((choice) => generateAlone(choice)));
}
