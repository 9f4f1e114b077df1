import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { FakeExecutor } from "./executor/fake-executor.ts";
import { NonFiniteStepError } from "./executor/finite-check.ts";
import type { GenerationRequest, SequenceEvent } from "./generation.ts";
import { leastBatchedTokens } from "./scheduler/scheduler.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import { answersOf, generateAlone, limits, request, runToEnd, upTo } from "./test-requests.ts";

describe("Engine", () => {
  test("gives exactly maxTokens and counts them", async () => {
    const engine = new Engine(new FakeExecutor(), limits);
    engine.add(request(1, [5, 6, 7], 9));
    const [answer] = await runToEnd(engine);
    expect(answer?.tokenIds).toHaveLength(9);
    expect(answer?.last).toMatchObject({
      kind: "finished",
      finish: { reason: "length", numPromptTokens: 3, numCompletionTokens: 9 },
    });
    expect(engine.load()).toMatchObject({
      numFreeBlocks: 64,
      totals: { promptTokens: 3, generationTokens: 9, ended: { length: 1 } },
    });
  });

  test("a stop token is counted but not emitted", async () => {
    const free = await generateAlone(request(1, [5, 6, 7], 9));
    const stopTokenId = free[4]!;
    const engine = new Engine(new FakeExecutor(), limits);
    engine.add({ ...request(1, [5, 6, 7], 9), stopping: { maxTokens: 9, stopTokenIds: [stopTokenId] } });
    const [answer] = await runToEnd(engine);
    const end = free.indexOf(stopTokenId);
    expect(answer?.tokenIds).toEqual(free.slice(0, end));
    expect(answer?.last).toMatchObject({ finish: { reason: "stop", stopTokenId, numCompletionTokens: end + 1 } });
  });

  test("ends with length when the model's, or the pool's, length is reached", async () => {
    for (const spec of [{ maxModelLen: 10 }, { numBlocks: 5, blockSize: 2 }]) {
      const engine = new Engine(new FakeExecutor(spec), limits);
      expect(engine.spec.maxModelLen).toBe(10);
      engine.add(request(1, [5, 6, 7], 100));
      const [answer] = await runToEnd(engine);
      expect(answer?.tokenIds).toHaveLength(7);
      expect(answer?.last).toMatchObject({ finish: { reason: "length" } });
    }
  });

  test.each([
    ["an empty prompt", request(1, [], 5), "invalid_value"],
    [
      "a prompt as long as the model",
      request(
        1,
        Array.from({ length: 10 }, () => 1),
        5,
      ),
      "context_length_exceeded",
    ],
    ["a prompt token outside the vocabulary", request(1, [97], 5), "invalid_value"],
    [
      "a stop token outside the vocabulary",
      { ...request(1, [1], 5), stopping: { maxTokens: 5, stopTokenIds: [97] } },
      "invalid_value",
    ],
  ])("never admits %s", (_, refused, code) => {
    const engine = new Engine(new FakeExecutor({ maxModelLen: 10 }), limits);
    expect(engine.add(refused)).toMatchObject({ admitted: false, code });
    expect(engine.hasWork).toBe(false);
  });

  test("refuses for now what the waiting queue cannot hold", () => {
    const engine = new Engine(new FakeExecutor(), { ...limits, maxNumSeqs: 1, maxQueuedRequests: 1 });
    for (const id of [1, 2]) expect(engine.add(request(id, [1], 5))).toMatchObject({ admitted: true });
    expect(engine.add(request(3, [1], 5))).toMatchObject({ admitted: false, code: "server_is_overloaded" });
  });

  test("an abort frees the blocks at once, before, between and during steps", async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let numSteps = 0;
    const executor = new FakeExecutor({}, () => {
      numSteps += 1;
      return numSteps === 2 ? released : undefined;
    });
    const engine = new Engine(executor, limits);
    for (const id of [1, 2, 3]) engine.add(request(id, [id, 2, 3, 4, 5], 20));
    expect(engine.abort(1 as SequenceId)).toMatchObject({ kind: "finished", finish: { reason: "abort" } });
    await engine.step();
    expect(engine.abort(2 as SequenceId)).toMatchObject({ finish: { numCompletionTokens: 1 } });
    const step = engine.step();
    expect(engine.abort(3 as SequenceId)).toBeDefined();
    expect(engine.load().numFreeBlocks).toBe(64);
    release();
    expect(await step).toEqual([]);
    expect(engine.hasWork).toBe(false);
    expect(engine.abort(3 as SequenceId)).toBeUndefined();
  });

  test("an abort during a step leaves the other rows of the step right", async () => {
    const prompt = [9, 8, 7];
    const alone = await generateAlone(request(3, prompt, 4));
    const executor = new FakeExecutor({}, () => void engine.abort(1 as SequenceId));
    const engine = new Engine(executor, limits);
    for (const id of [1, 2]) engine.add(request(id, [id], 4));
    engine.add(request(3, prompt, 4));
    const answers = await runToEnd(engine);
    expect(answers.find(({ id }) => id === 3)?.tokenIds).toEqual(alone);
  });

  test("a step that fails ends its sequences, frees their blocks, and spares the waiting ones", async () => {
    let broken = true;
    const executor = new FakeExecutor({}, () => {
      if (broken) throw new Error("device lost");
    });
    const engine = new Engine(executor, { ...limits, maxNumSeqs: 2 });
    for (const id of [1, 2, 3]) engine.add(request(id, [id, id], 3));
    const events = await engine.step();
    expect(events).toMatchObject([
      { kind: "failed", sequenceId: 1, code: "internal_error", detail: "device lost" },
      { kind: "failed", sequenceId: 2 },
    ]);
    expect(engine.load()).toMatchObject({ numFreeBlocks: 64, totals: { ended: { error: 2 } } });
    broken = false;
    const [answer] = await runToEnd(engine);
    expect(answer).toMatchObject({ id: 3, last: { kind: "finished" } });
  });

  test("a step that names who is at fault ends only those, and changes nothing for the others", async () => {
    const alone = await generateAlone(request(2, [2, 2], 3));
    const executor = new FakeExecutor({}, (batch) => {
      const index = batch.findIndex(
        ({ tokenIds, numComputedTokens }) => numComputedTokens === 2 && tokenIds.length === 1,
      );
      if (index >= 0 && batch.length > 1) throw new NonFiniteStepError([index]);
    });
    const engine = new Engine(executor, limits);
    for (const id of [1, 2]) engine.add(request(id, [id, id], 3));
    const answers = await runToEnd(engine);
    expect(answers.map(({ last }) => last.kind)).toEqual(["failed", "finished"]);
    expect(answers[1]?.tokenIds).toEqual(alone);
  });

  test("a row of NaN ends that sequence alone", async () => {
    class NaNForFirst extends FakeExecutor {
      override async execute(batch: Parameters<FakeExecutor["execute"]>[0]): Promise<Float32Array> {
        return (await super.execute(batch)).fill(NaN, 0, batch.length > 1 ? this.spec.vocabSize : 0);
      }
    }
    const engine = new Engine(new NaNForFirst(), limits);
    for (const id of [1, 2]) engine.add(request(id, [id], 3));
    const answers = await runToEnd(engine);
    expect(answers.map(({ last }) => last.kind)).toEqual(["failed", "finished"]);
    expect(engine.load().numFreeBlocks).toBe(64);
  });

  test("prompts that were preempted and computed again are counted once", async () => {
    const engine = new Engine(new FakeExecutor({ numBlocks: 6 }), limits);
    for (const id of [1, 2, 3]) engine.add(request(id, [id, 1, 2], 12));
    await runToEnd(engine);
    expect(engine.load().totals.preemptions).toBeGreaterThan(0);
    expect(engine.load().totals).toMatchObject({ promptTokens: 9, generationTokens: 36 });
  });

  test("under any arrivals, aborts and pool sizes: the same tokens as alone, and every block returns", async () => {
    // The same tokens up to a fork, others from there on: prompts that begin alike, under two salts.
    const forked = fc
      .record({ length: fc.integer({ min: 4, max: 20 }), fork: fc.integer({ min: 4, max: 20 }), branch: fc.nat(2) })
      .map(({ length, fork, branch }) => upTo(length).map((position) => (position < fork ? position : 30 + branch)));
    const arrival = fc.record({
      beforeStep: fc.nat(20),
      prompt: fc.oneof(forked, fc.array(fc.nat(96), { minLength: 1, maxLength: 20 })),
      cacheSalt: fc.constantFrom("a", "b"),
      maxTokens: fc.integer({ min: 1, max: 24 }),
      temperature: fc.constantFrom(0, 0.8),
      priority: fc.integer({ min: -1, max: 1 }),
      abortBeforeStep: fc.option(fc.nat(40)),
      stopTokenIds: fc.array(fc.nat(96), { maxLength: 2 }),
    });
    let numPreemptions = 0;
    let numHits = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(arrival, { minLength: 1, maxLength: 24, size: "max" }),
        fc.integer({ min: 8, max: 24 }),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        async (arrivals, numBlocks, budget, prefixCaching) => {
          const maxNumBatchedTokens = Math.max(budget, leastBatchedTokens(limits.maxNumSeqs, 4));
          const executor = new FakeExecutor({ numBlocks, maxModelLen: 32 });
          const engine = new Engine(executor, { ...limits, maxNumBatchedTokens }, prefixCaching);
          const requests = arrivals.map(
            ({ prompt, maxTokens, temperature, priority, stopTokenIds, cacheSalt }, id): GenerationRequest => ({
              ...request(id, prompt, maxTokens),
              sampling: { temperature, topP: 0.95, topK: 0, seed: id },
              stopping: { maxTokens, stopTokenIds },
              priority,
              cacheSalt,
            }),
          );
          const events: SequenceEvent[] = [];
          for (let step = 0; step <= 40 || engine.hasWork; step += 1) {
            arrivals.forEach(({ beforeStep, abortBeforeStep }, id) => {
              if (beforeStep === step) engine.add(requests[id]!);
              if (abortBeforeStep === step) events.push(...[engine.abort(id as SequenceId)].filter((it) => !!it));
            });
            events.push(...(await engine.step()));
            expect(step).toBeLessThan(2_000);
          }
          const { numFreeBlocks, totals } = engine.load();
          expect(numFreeBlocks).toBe(numBlocks);
          expect(totals.ended.error).toBe(0);
          numPreemptions += totals.preemptions;
          numHits += totals.prefixCacheHits;
          for (const answer of answersOf(events)) {
            const alone = await generateAlone(requests[answer.id]!, { maxModelLen: 32 });
            const aborted = answer.last.kind === "finished" && answer.last.finish.reason === "abort";
            expect(answer.tokenIds).toEqual(aborted ? alone.slice(0, answer.tokenIds.length) : alone);
          }
          expect(answersOf(events)).toHaveLength(arrivals.length);
        },
      ),
      { numRuns: 150 },
    );
    // The property would hold just as well if nothing were ever preempted, and nothing found.
    expect(numPreemptions).toBeGreaterThan(50);
    expect(numHits).toBeGreaterThan(200);
  });
});
