// The engine over every executor and the embedded model: what transformers says after a prompt is what a request gets, whatever
// happens beside it and to it. On the CPU more is promised (pocket-model.test.ts): the same bits, for prompts of any kind.
// In float16 rounding differs between a chunk and a decode, so the same tokens are promised only where the model is sure.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { Engine } from "./engine.ts";
import { createExecutor } from "./executor/create-executor.ts";
import { executorsUnderTest } from "./executor/executor-under-test.ts";
import type { Executor } from "./executor/executor.ts";
import { readGoldenCase, readGoldenEmbedding } from "./executor/golden-case.ts";
import { seededRandom } from "@sluice/shared/test-data/seeded-random.ts";
import { withPooling } from "./executor/with-pooling.ts";
import { embeddingRequest, request, runToEnd } from "./test-requests.ts";

const cache = await temporaryFolder();
afterAll(() => cache[Symbol.asyncDispose]());
const golden = await readGoldenCase("pocket");
const limits = { maxNumBatchedTokens: 96, maxNumSeqs: 8, maxQueuedRequests: 64, maxQueuedTokens: 10_000 };
const numTokens = 24;
const expected = golden.greedy.slice(0, numTokens);
const goldenEmbedding = await readGoldenEmbedding("pocket");

describe.each(executorsUnderTest)("the engine on $name", { timeout: 240_000 }, (underTest) => {
  const { missing, blockSize, options, embeddingTolerance } = underTest;
  /** Blocks for two prompts and some of their answers, so that three sequences cannot run to their ends together. */
  const numBlocks = Math.ceil((2.5 * (golden.prompt.length + numTokens)) / blockSize);
  let executor: Executor | undefined;
  beforeAll(async () => {
    if (missing === undefined) {
      executor = await createExecutor(options(golden.modelDir, { numBlocks, cacheDir: cache.path }));
    }
  });
  afterAll(() => executor?.close());
  const startEngine = (prefixCaching: boolean): Engine => {
    if (executor === undefined) throw new Error("no executor");
    return new Engine(executor, limits, prefixCaching);
  };

  test.skipIf(missing !== undefined)("gives transformers' tokens, and again from the prefix cache", async () => {
    const engine = startEngine(true);
    for (const isCached of [false, true]) {
      engine.add(request(1, golden.prompt, numTokens));
      const [answer] = await runToEnd(engine);
      expect(answer?.tokenIds).toEqual(expected);
      expect(engine.load().totals.prefixCacheHits > 0).toBe(isCached);
    }
    expect(engine.load().numFreeBlocks).toBe(numBlocks);
  });

  test.skipIf(missing !== undefined)(
    "gives them beside others, whose prompts come and whose requests are aborted",
    async () => {
      const engine = startEngine(false);
      const random = seededRandom(1);
      engine.add(request(1, golden.prompt, numTokens));
      const tokenIds: number[] = [];
      for (let step = 1; engine.hasWork; step += 1) {
        const otherPrompt = Array.from({ length: 1 + ((step * 7) % 35) }, () => Math.floor(random() * 2000));
        if (step % 4 === 0) engine.add(request(100 + step, otherPrompt, 3));
        if (step % 8 === 5) engine.abort(request(100 + step - 1, [1], 1).sequenceId);
        for (const event of await engine.step()) {
          if (event.sequenceId === request(1, [1], 1).sequenceId && event.kind !== "failed")
            tokenIds.push(...event.tokenIds);
        }
        if (tokenIds.length === numTokens) break;
      }
      expect(tokenIds).toEqual(expected);
      expect(engine.load().totals.ended.abort).toBeGreaterThan(0);
      await runToEnd(engine);
      expect(engine.load().numFreeBlocks).toBe(numBlocks);
    },
  );

  test.skipIf(missing !== undefined).each(["last", "mean"] as const)(
    "gives transformers' embeddings by %s, of a prompt that takes more than one step, beside a request that generates",
    async (pooling) => {
      if (executor === undefined) throw new Error("no executor");
      const engine = new Engine(withPooling(executor, pooling), { ...limits, maxNumBatchedTokens: 64 });
      engine.add(request(1, golden.prompt, numTokens));
      engine.add(embeddingRequest(2, golden.prompt));
      const [generated, embedded] = await runToEnd(engine);
      expect(generated?.tokenIds).toEqual(expected);
      const { last } = embedded ?? {};
      if (last?.kind !== "finished") throw new Error("the embedding did not finish");
      const cosine = last.embedding?.reduce(
        (sum, value, index) => sum + value * (goldenEmbedding[pooling][index] ?? 0),
        0,
      );
      expect(Math.abs(1 - (cosine ?? NaN))).toBeLessThan(embeddingTolerance);
    },
  );

  test.skipIf(missing !== undefined)("gives them to each of those that push each other out of the pool", async () => {
    const engine = startEngine(false);
    for (const id of [1, 2, 3]) engine.add(request(id, golden.prompt, numTokens));
    const answers = await runToEnd(engine);
    expect(answers.map(({ tokenIds }) => tokenIds)).toEqual([expected, expected, expected]);
    const { numFreeBlocks, totals } = engine.load();
    expect(totals.preemptions).toBeGreaterThan(0);
    expect(numFreeBlocks).toBe(numBlocks);
  });
});
