// Embeddings over the real executor: transformers' numbers in every family, and the same bits in any company.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { Engine } from "./engine.ts";
import { createCpuExecutor } from "./executor/cpu-executor.ts";
import type { Executor } from "./executor/executor.ts";
import { goldenModels, readGoldenCase, readGoldenEmbedding } from "./executor/golden-case.ts";
import { seededRandom } from "@sluice/shared/test-data/seeded-random.ts";
import { withPooling } from "./executor/with-pooling.ts";
import type { GenerationRequest } from "./generation.ts";
import { embeddingRequest, request, runToEnd } from "./test-requests.ts";

const cache = await temporaryFolder();
afterAll(() => cache[Symbol.asyncDispose]());

const poolings = ["last", "mean"] as const;
/** A tile and a few tokens, so that prompts of 24 come in two chunks. */
const chunked = { maxNumBatchedTokens: 20, maxNumSeqs: 4, maxQueuedRequests: 64, maxQueuedTokens: 100_000 };
const roomy = { ...chunked, maxNumBatchedTokens: 1024, maxNumSeqs: 64 };

describe.each([...goldenModels, "pocket"] as const)("the %s model in fp32", (name) => {
  test.each(poolings)("gives transformers' embedding by %s, whole and in chunks", async (pooling) => {
    const { modelDir, prompt } = await readGoldenCase(name);
    const expected = (await readGoldenEmbedding(name))[pooling];
    const options = {
      modelDir,
      precision: "fp32",
      blockSize: 8,
      tileSize: 16,
      numBlocks: 80,
      maxModelLen: 512,
      numThreads: 1,
    } as const;
    const executor = await createCpuExecutor({ ...options, cacheDir: cache.path });
    for (const limits of [roomy, chunked]) {
      const embeddings = await embed(withPooling(executor, pooling), [embeddingRequest(1, prompt)], limits);
      const found = embeddings.get(1) ?? new Float32Array();
      expect(found).toHaveLength(expected.length);
      const cosine = found.reduce((sum, value, index) => sum + value * (expected[index] ?? 0), 0);
      expect(1 - cosine).toBeLessThan(1e-6);
      for (const [index, value] of found.entries()) expect(Math.abs(value - (expected[index] ?? 0))).toBeLessThan(1e-5);
    }
    await executor.close();
  });
});

describe.each(["int8", "fp32"] as const)("the pocket model in %s", (precision) => {
  let executor: Executor;
  beforeAll(async () => {
    const { modelDir } = await readGoldenCase("pocket");
    executor = await createCpuExecutor({
      modelDir,
      precision,
      cacheDir: cache.path,
      blockSize: 16,
      numBlocks: 256,
      numThreads: 1,
    });
  });
  afterAll(() => executor.close());

  test.each(poolings)("embeddings by %s have the same bits alone and among ragged others", async (pooling) => {
    const executorOfPooling = withPooling(executor, pooling);
    const random = seededRandom(1);
    const draw = (least: number, below: number): number => least + Math.floor(random() * (below - least));
    const promptOf = (length: number): number[] => Array.from({ length }, () => draw(0, 512));
    const embedding = Array.from({ length: 12 }, (_, id) => embeddingRequest(id, promptOf(draw(1, 300))));
    const generating = Array.from({ length: 12 }, (_, id) => request(100 + id, promptOf(draw(1, 200)), draw(2, 20)));
    const together = await embed(executorOfPooling, mix(embedding, generating), roomy);
    for (const one of embedding) {
      expect(await embed(executorOfPooling, [one], roomy)).toEqual(
        new Map([[one.sequenceId, together.get(one.sequenceId)]]),
      );
    }
  });
});

/** sequence id -> its embedding, of those that asked for one. */
async function embed(
  executor: Executor,
  requests: readonly GenerationRequest[],
  limits: typeof chunked,
): Promise<ReadonlyMap<number, Float32Array>> {
  const engine = new Engine(executor, limits);
  for (const one of requests) expect(engine.add(one)).toMatchObject({ admitted: true });
  const embeddings = new Map<number, Float32Array>();
  for (const { id, last } of await runToEnd(engine)) {
    if (last.kind !== "finished") throw new Error(`sequence ${id} did not finish`);
    if (last.embedding !== undefined) embeddings.set(id, last.embedding);
  }
  return embeddings;
}

/** One of each in turn. */
function mix<T>(some: readonly T[], others: readonly T[]): T[] {
  return some.flatMap((one, index) => [one, ...others.slice(index, index + 1)]);
}
