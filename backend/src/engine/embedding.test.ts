// Embeddings through the engine: over the fake executor, whose numbers tell whether the right tokens were pooled.
import { describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import type { ExecutorSpec, ScheduledSequence } from "./executor/executor.ts";
import { FakeExecutor } from "./executor/fake-executor.ts";
import type { GenerationRequest, SequenceEvent } from "./generation.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import { embeddingRequest, limits, request, runToEnd, upTo } from "./test-requests.ts";

const withPooling = (pooling: "last" | "mean"): Partial<ExecutorSpec> => ({ embedding: { size: 6, pooling } });

describe.each(["last", "mean"] as const)("embeddings by %s", (pooling) => {
  const spec = withPooling(pooling);
  const requests = [1, 7, 30, 61].map((length, id) => embeddingRequest(id, upTo(length)));

  test("end with a vector of length 1, and count as prompt tokens", async () => {
    const engine = new Engine(new FakeExecutor(spec), limits);
    engine.add(embeddingRequest(1, upTo(9)));
    const [answer] = await runToEnd(engine);
    expect(answer?.last).toMatchObject({
      kind: "finished",
      tokenIds: [],
      finish: { reason: "length", numPromptTokens: 9, numCompletionTokens: 0 },
    });
    expect(Math.hypot(...embeddingOf(answer?.last))).toBeCloseTo(1, 6);
    const { numFreeBlocks, totals } = engine.load();
    expect(numFreeBlocks).toBe(64);
    expect(totals).toMatchObject({ promptTokens: 9, generationTokens: 0, ended: { length: 1 } });
  });

  test("are the same alone, beside generating sequences, and preempted", async () => {
    const expected = await Promise.all(requests.map((one) => embedAlone(one, spec)));
    // So few blocks that the generating ones push each other, and the longest embedding, out.
    const engine = new Engine(new FakeExecutor({ ...spec, numBlocks: 20 }), limits);
    for (let id = 10; id < 14; id += 1) engine.add(request(id, upTo(id), 24));
    for (const one of requests) engine.add(one);
    const answers = await runToEnd(engine);
    expect(answers.slice(0, 4).map(({ last }) => embeddingOf(last))).toEqual(expected);
    expect(engine.load()).toMatchObject({ numFreeBlocks: 20 });
    expect(engine.load().totals.preemptions).toBeGreaterThan(0);
  });

  test("change nothing for the sequences beside them", async () => {
    const alone = new Engine(new FakeExecutor(spec), limits);
    const beside = new Engine(new FakeExecutor(spec), limits);
    for (const one of requests) beside.add(one);
    for (const engine of [alone, beside]) engine.add(request(9, upTo(12), 20));
    const [answer] = await runToEnd(alone);
    expect((await runToEnd(beside)).at(-1)).toMatchObject({ id: 9, tokenIds: answer?.tokenIds });
  });

  test("are the same when the prefix cache knows the text", async () => {
    const engine = new Engine(new FakeExecutor(spec), limits);
    engine.add(request(1, upTo(40), 8));
    await runToEnd(engine);
    engine.add(embeddingRequest(2, upTo(41)));
    const [answer] = await runToEnd(engine);
    expect(embeddingOf(answer?.last)).toEqual(await embedAlone(embeddingRequest(2, upTo(41)), spec));
    // A mean needs every hidden state, and the cache keeps none.
    const numCachedTokens = pooling === "last" ? 40 : 0;
    expect(answer?.last).toMatchObject({ finish: { numPromptTokens: 41, numCachedTokens } });
  });

  test("an abort frees the blocks, and no vector comes", async () => {
    const engine = new Engine(new FakeExecutor(spec), limits);
    engine.add(embeddingRequest(1, upTo(61)));
    await engine.step();
    const event = engine.abort(1 as SequenceId);
    expect(event).toMatchObject({ kind: "finished", finish: { reason: "abort" } });
    expect(event).not.toHaveProperty("embedding");
    expect(engine.load()).toMatchObject({ numRunning: 0, numFreeBlocks: 64 });
  });

  test("a pass that fails ends the embedding with an error and frees its blocks", async () => {
    const executor = new FakeExecutor(spec, () => {
      throw new Error("the native run failed");
    });
    const engine = new Engine(executor, limits);
    engine.add(embeddingRequest(1, upTo(9)));
    const [answer] = await runToEnd(engine);
    expect(answer?.last).toMatchObject({ kind: "failed", code: "internal_error" });
    expect(engine.load().numFreeBlocks).toBe(64);
  });
});

test("asks the executor for no logits of an embedding, and for hidden states of nothing else", async () => {
  const batches: (readonly ScheduledSequence[])[] = [];
  const engine = new Engine(new FakeExecutor(withPooling("last"), (batch) => void batches.push(batch)), limits);
  engine.add(embeddingRequest(1, upTo(40)));
  engine.add(request(2, upTo(3), 2));
  await runToEnd(engine);
  const shares = batches.flat();
  const embedding = shares.filter(({ tokenIds, numComputedTokens }) => tokenIds.length + numComputedTokens > 5);
  expect(embedding.map(({ numLogits, hiddenStates = [] }) => [numLogits, hiddenStates.length])).toEqual([
    [0, 0],
    [0, 1],
  ]);
  const generating = shares.filter((share) => !embedding.includes(share));
  expect(generating.every(({ numLogits, hiddenStates }) => numLogits === 1 && hiddenStates === undefined)).toBe(true);
});

test("a shorter embedding is the beginning of the whole one, scaled", async () => {
  const whole = await embedAlone(embeddingRequest(1, upTo(9)));
  const short = await embedAlone(embeddingRequest(1, upTo(9), 2));
  expect(short).toHaveLength(2);
  expect(Math.hypot(...short)).toBeCloseTo(1, 6);
  expect(short[0]! / short[1]!).toBeCloseTo(whole[0]! / whole[1]!, 4);
});

test.each<[string, Partial<GenerationRequest>, Partial<ExecutorSpec>]>([
  ["more dimensions than the model has", { embedding: { numDimensions: 7 } }, {}],
  ["no dimensions", { embedding: { numDimensions: 0 } }, {}],
  ["output beside the embedding", { embedding: {}, stopping: { maxTokens: 1, stopTokenIds: [] } }, {}],
  ["logprobs beside the embedding", { embedding: {}, logprobs: { numTop: 0, prompt: true } }, {}],
  ["further choices of an embedding", { embedding: {}, forkIds: [2 as SequenceId] }, {}],
  ["an embedding of an executor that gives none", { embedding: {} }, { embedding: undefined } as never],
])("refuses %s", (_, fields, spec) => {
  const engine = new Engine(new FakeExecutor(spec), limits);
  const admission = engine.add({ ...embeddingRequest(1, upTo(3)), ...fields });
  expect(admission).toMatchObject({ admitted: false, code: "invalid_value" });
  expect(engine.hasWork).toBe(false);
});

test("a text may fill the whole context, and not a token more", () => {
  const engine = new Engine(new FakeExecutor({ maxModelLen: 20 }), limits);
  expect(engine.add(embeddingRequest(1, upTo(20)))).toMatchObject({ admitted: true });
  expect(engine.add(embeddingRequest(2, upTo(21)))).toMatchObject({ code: "context_length_exceeded" });
});

async function embedAlone(only: GenerationRequest, spec: Partial<ExecutorSpec> = {}): Promise<number[]> {
  const engine = new Engine(new FakeExecutor(spec), limits);
  engine.add(only);
  const [answer] = await runToEnd(engine);
  return embeddingOf(answer?.last);
}

function embeddingOf(event: SequenceEvent | undefined): number[] {
  if (event?.kind !== "finished" || event.embedding === undefined) throw new Error("no embedding");
  return [...event.embedding];
}
