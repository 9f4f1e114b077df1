// Logprobs through the engine and the real executor, against the logits that transformers computed.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { Engine } from "./engine.ts";
import { createCpuExecutor } from "./executor/cpu-executor.ts";
import type { Executor } from "./executor/executor.ts";
import { type GoldenCase, goldenModels, readGoldenCase } from "./executor/golden-case.ts";
import type { GenerationRequest } from "./generation.ts";
import { LogprobReader, type TokenLogprobs } from "./sampling/logprobs.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";

const limits = { maxNumBatchedTokens: 1024, maxNumSeqs: 4, maxQueuedRequests: 4, maxQueuedTokens: 10_000 };
const cache = await temporaryFolder();
afterAll(() => cache[Symbol.asyncDispose]());

describe.each([...goldenModels, "pocket"] as const)("logprobs of the %s model in fp32", (name) => {
  let golden: GoldenCase;
  let executor: Executor;
  beforeAll(async () => {
    golden = await readGoldenCase(name);
    const { modelDir } = golden;
    executor = await createCpuExecutor({
      modelDir,
      precision: "fp32",
      cacheDir: cache.path,
      // Asked for, because a LongRoPE model stays within its original positions by default.
      maxModelLen: 512,
      blockSize: 16,
      numBlocks: 60,
      numThreads: 1,
    });
  });
  afterAll(() => executor.close());

  test("of the prompt and of the first token are transformers' within 1e-3", async () => {
    const { vocabSize } = executor.spec;
    const { prompt, tokens } = await run(executor, golden.prompt, 1);
    const numRows = golden.logits.length / vocabSize;
    const ours = [...prompt, ...tokens].slice(-numRows);
    const following = [...golden.prompt.slice(1), golden.greedy[0]!].slice(-numRows);
    expect(ours).toHaveLength(numRows);
    for (const [row, { logprob, topTokenIds, topLogprobs }] of ours.entries()) {
      const logits = [...golden.logits.subarray(row * vocabSize, (row + 1) * vocabSize)];
      const normalizer = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
      expect(Math.abs(logprob - (logits[following[row]!]! - normalizer))).toBeLessThan(1e-3);
      expect(topTokenIds).toHaveLength(20);
      for (const [rank, id] of topTokenIds.entries()) {
        expect(Math.abs(topLogprobs[rank]! - (logits[id]! - normalizer))).toBeLessThan(1e-3);
      }
      const twentieth = logits.toSorted((a, b) => b - a)[19]! - normalizer;
      expect(Math.abs(topLogprobs[19]! - twentieth)).toBeLessThan(1e-3);
    }
  });

  test("of greedy tokens are those that the same tokens have as a prompt, and each is the likeliest", async () => {
    const generated = await run(executor, golden.prompt, 40);
    expect(generated.tokenIds).toEqual(golden.greedy.slice(0, 40));
    const repeated = await run(executor, [...golden.prompt, ...generated.tokenIds], 0);
    const again = repeated.prompt.slice(golden.prompt.length - 1);
    expect(again).toHaveLength(40);
    for (const [index, { logprob, topTokenIds }] of again.entries()) {
      expect(topTokenIds[0]).toBe(generated.tokenIds[index]);
      expect(Math.abs(logprob - generated.tokens[index]!.logprob)).toBeLessThan(1e-4);
    }
  });

  test("sum to 1 over the vocabulary", async () => {
    const blockTable = [0, 1, 2, 3, 4, 5, 6, 7].map((block) => block as never);
    const tokenIds = golden.prompt.slice(0, 20);
    const logits = await executor.execute([{ tokenIds, numComputedTokens: 0, blockTable, numLogits: 1 }]);
    const reader = new LogprobReader();
    const sum = [...logits.keys()].reduce((total, id) => total + Math.exp(reader.read(logits, id, 0).logprob), 0);
    expect(sum).toBeCloseTo(1, 9);
  });
});

test("the logits of a whole long prompt, in the runs of one step, are those of its positions one by one", async () => {
  const { modelDir, prompt } = await readGoldenCase("pocket");
  const tokenIds = Array.from({ length: 700 }, (_, index) => prompt[index % prompt.length]!);
  const executor = await createCpuExecutor({
    modelDir,
    precision: "fp32",
    cacheDir: cache.path,
    blockSize: 64,
    numBlocks: 24,
    numThreads: 1,
  });
  const { vocabSize } = executor.spec;
  const blocks = Array.from({ length: 24 }, (_, block) => block as never);
  const decode = { tokenIds: [3], numComputedTokens: 0, blockTable: blocks.slice(22), numLogits: 1 };
  const whole = { tokenIds, numComputedTokens: 0, blockTable: blocks.slice(0, 11), numLogits: 700 };
  const all = (await executor.execute([decode, whole])).slice();
  expect(all).toHaveLength(701 * vocabSize);
  const rowOf = (row: number): Float32Array => all.subarray(row * vocabSize, (row + 1) * vocabSize);
  expect(rowOf(0)).toEqual((await executor.execute([decode])).slice());
  for (const end of [1, 2, 64, 65, 511, 512, 513, 699, 700]) {
    const prefix = { ...whole, tokenIds: tokenIds.slice(0, end), blockTable: blocks.slice(11, 22), numLogits: 1 };
    const alone = await executor.execute([prefix]);
    const difference = rowOf(end).reduce((most, logit, id) => Math.max(most, Math.abs(logit - alone[id]!)), 0);
    expect(difference).toBeLessThan(1e-4);
  }
  await executor.close();
});

interface Run {
  readonly tokenIds: readonly number[];
  readonly tokens: readonly TokenLogprobs[];
  readonly prompt: readonly TokenLogprobs[];
}

/** Greedy, with the top 20 of everything. */
async function run(executor: Executor, promptTokenIds: readonly number[], maxTokens: number): Promise<Run> {
  const engine = new Engine(executor, limits);
  const request: GenerationRequest = {
    sequenceId: 1 as SequenceId,
    promptTokenIds,
    sampling: { temperature: 0, topP: 1, topK: 0, seed: 0 },
    stopping: { maxTokens, stopTokenIds: [] },
    priority: 0,
    cacheSalt: "",
    tenant: "",
    logprobs: { numTop: 20, prompt: true },
  };
  expect(engine.add(request)).toMatchObject({ admitted: true });
  const tokenIds: number[] = [];
  const tokens: TokenLogprobs[] = [];
  const prompt: TokenLogprobs[] = [];
  while (engine.hasWork) {
    for (const event of await engine.step()) {
      if (event.kind === "failed") throw new Error(event.detail);
      tokenIds.push(...event.tokenIds);
      tokens.push(...(event.logprobs?.tokens ?? []));
      prompt.push(...(event.logprobs?.prompt ?? []));
    }
  }
  return { tokenIds, tokens, prompt };
}
