// The engine over the real executor and the embedded model: what the fake executor shows for block tables, this shows
// for arithmetic. Prompts are random tokens, so that nothing here depends on what the model has learned.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { createCpuExecutor } from "./executor/cpu-executor.ts";
import type { Executor, ScheduledSequence } from "./executor/executor.ts";
import type { GenerationRequest } from "./generation.ts";
import type { BlockId } from "./kv/block-id.ts";
import { uniformAt } from "./sampling/philox.ts";
import type { SamplingParams } from "./sampling/sampling-params.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const limits = { maxNumBatchedTokens: 96, maxNumSeqs: 33, maxQueuedRequests: 64, maxQueuedTokens: 100_000 };
const numBlocks = 256;

const greedy = { temperature: 0, topP: 1, topK: 0 };
const sampled = { temperature: 0.9, topP: 0.95, topK: 50 };
const adjusted = {
  ...sampled,
  minP: 0.02,
  adjustments: {
    presencePenalty: 0.5,
    frequencyPenalty: 0.3,
    repetitionPenalty: 1.2,
    logitBias: [
      { tokenId: 7, bias: 2 },
      { tokenId: 100, bias: -100 },
    ],
  },
};

describe.each(["int8", "int4", "fp32"] as const)("the pocket model in %s", (precision) => {
  let executor: Executor;
  beforeAll(async () => {
    const modelDir = `${root}models/pocket`;
    const cacheDir = `${root}.sluice/cache`;
    const sizes = { blockSize: 16, tileSize: 32, numBlocks };
    executor = await createCpuExecutor({ modelDir, precision, cacheDir, ...sizes, numThreads: 1 });
  });
  afterAll(() => executor.close());

  test.each([
    ["greedy", greedy],
    ["sampled", sampled],
    ["fully adjusted", adjusted],
  ])("%s output is the same alone and among 32 ragged others", async (_, sampling) => {
    const requests = raggedRequests(33, sampling);
    const together = await generate(new Engine(executor, limits), requests);
    for (const request of requests) {
      const alone = await generate(new Engine(executor, limits), [request]);
      expect(alone.get(request.sequenceId)).toEqual(together.get(request.sequenceId));
    }
  });

  test.each([
    ["greedy", greedy],
    ["fully adjusted", adjusted],
  ])("%s output is the same when sequences are preempted again and again", async (_, sampling) => {
    const requests = raggedRequests(24, sampling, 40);
    const roomy = await generate(new Engine(executor, limits), requests);
    const engine = new Engine(withBlocks(executor, 10), limits);
    expect(await generate(engine, requests)).toEqual(roomy);
    const { numFreeBlocks, totals } = engine.load();
    expect(totals.preemptions).toBeGreaterThan(5);
    expect(numFreeBlocks).toBe(10);
  });

  test.each([
    ["sampled", sampled],
    ["fully adjusted", adjusted],
  ])("%s output is the same whatever part of the prompt was found in the prefix cache", async (_, sampling) => {
    const half = numBlocks / 2;
    const cold = new Engine(withBlocks(executor, half), limits, false);
    // A pool of its own: what a cache keeps, nobody else may write to.
    const engine = new Engine(withBlocks(executor, half, half), limits);
    // Conversations: a prompt is the last turn's prompt, its answer, and some more.
    let requests = raggedRequests(12, sampling, 120);
    for (let turn = 1; turn <= 3; turn += 1) {
      const expected = await generate(cold, requests);
      expect(await generate(engine, requests)).toEqual(expected);
      // Once more: now all is found but each prompt's end.
      expect(await generate(engine, requests)).toEqual(expected);
      requests = requests.map((request) => ({
        ...request,
        promptTokenIds: [
          ...request.promptTokenIds,
          ...(expected.get(request.sequenceId) ?? []),
          ...Array.from({ length: 1 + draw(turn, request.sequenceId, 50) }, (__, index) => index),
        ],
      }));
    }
    const { numFreeBlocks, totals } = engine.load();
    expect(totals.prefixCacheHits / totals.prefixCacheQueries).toBeGreaterThan(0.6);
    expect(numFreeBlocks).toBe(half);
  });

  test("an abort frees the blocks and changes nobody else's output", async () => {
    const requests = raggedRequests(8, greedy);
    const undisturbed = await generate(new Engine(executor, limits), requests);
    const engine = new Engine(executor, limits);
    const victims = requests.slice(0, 4).map(({ sequenceId }) => sequenceId);
    const survivors = await generate(engine, requests, (step) => {
      const victim = step % 2 === 0 ? victims.pop() : undefined;
      if (victim !== undefined) engine.abort(victim);
    });
    for (const { sequenceId } of requests.slice(4)) {
      expect(survivors.get(sequenceId)).toEqual(undisturbed.get(sequenceId));
    }
    expect(engine.load()).toMatchObject({ numFreeBlocks: numBlocks, totals: { ended: { abort: 4, length: 4 } } });
  });
});

/** Prompts of 1 to `longestPrompt` tokens and outputs of 4 to 32; each with a seed of its own. */
function raggedRequests(
  count: number,
  sampling: Omit<SamplingParams, "seed">,
  longestPrompt = 200,
): GenerationRequest[] {
  return Array.from({ length: count }, (_, id) => ({
    sequenceId: id as SequenceId,
    promptTokenIds: Array.from({ length: 1 + draw(id, 0, longestPrompt) }, (__, index) => draw(id, 2 + index, 512)),
    sampling: { ...sampling, seed: id },
    stopping: { maxTokens: 4 + draw(id, 1, 29), stopTokenIds: [] },
    priority: 0,
    cacheSalt: "",
    tenant: "",
  }));
}

function draw(seed: number, index: number, below: number): number {
  return Math.floor(uniformAt(seed, index) * below);
}

/** sequence id -> its tokens. */
async function generate(
  engine: Engine,
  requests: readonly GenerationRequest[],
  beforeStep: (step: number) => void = () => {},
): Promise<Map<SequenceId, number[]>> {
  const outputs = new Map<SequenceId, number[]>();
  for (const request of requests) expect(engine.add(request)).toMatchObject({ admitted: true });
  for (let step = 1; engine.hasWork; step += 1) {
    beforeStep(step);
    for (const event of await engine.step()) {
      const tokenIds = event.kind === "failed" ? [NaN] : event.tokenIds;
      outputs.set(event.sequenceId, [...(outputs.get(event.sequenceId) ?? []), ...tokenIds]);
    }
  }
  return outputs;
}

/** The same executor with `count` of its blocks, from `first` on. */
function withBlocks(executor: Executor, count: number, first = 0): Executor {
  const shift = (sequence: ScheduledSequence): ScheduledSequence => ({
    ...sequence,
    blockTable: sequence.blockTable.map((id) => (id + first) as BlockId),
  });
  return {
    spec: { ...executor.spec, numBlocks: count },
    execute: (batch) => executor.execute(batch.map(shift)),
    close: () => Promise.resolve(),
  };
}
