import { afterAll, describe, expect, test } from "vitest";
import type { Precision } from "#engine/graph/linear.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { makeCandidates } from "#engine/sampling/candidates.ts";
import { selectTop } from "#engine/sampling/rank.ts";
import { createCpuExecutor } from "./cpu-executor.ts";
import { readGoldenCase } from "./golden-case.ts";
import { shuffledBlocks, TestSequence } from "./test-sequence.ts";

const cache = await temporaryFolder();
afterAll(() => cache[Symbol.asyncDispose]());

/** Whether the sequence of that place in the batch gets candidates. */
const isShort = (index: number): boolean => index !== 2;

describe.each(["fp32", "int8", "int4"] as const satisfies readonly Precision[])("candidates in %s", (precision) => {
  test("are the likeliest of the logits, to the bit, beside sequences that get logits, and after prompts of several runs", async () => {
    const { modelDir, prompt } = await readGoldenCase("pocket");
    const options = { precision, blockSize: 64, numBlocks: 40, maxModelLen: 1024, numThreads: 1 };
    const executor = await createCpuExecutor({ modelDir, cacheDir: cache.path, ...options });
    try {
      const { vocabSize, numCandidates = 0 } = executor.spec;
      const blocks = shuffledBlocks(40, 1);
      const long = Array.from({ length: 600 }, (_, index) => prompt[index % prompt.length] ?? 0);
      const prompts = [prompt.slice(0, 9), long, prompt.slice(2, 30), prompt.slice(3, 5)];
      const place = (index: number) => blocks.slice(10 * index, 10 * (index + 1));
      const asked = prompts.map((tokenIds, index) => new TestSequence(tokenIds, place(index)).schedule(Infinity));
      const logits = (await executor.execute(asked)).slice();
      const candidates = prompts.map(() => makeCandidates(numCandidates, 0));
      const mixed = asked.map((each, index) =>
        isShort(index) ? { ...each, numLogits: 0, candidates: candidates[index]! } : each,
      );

      const ofOthers = await executor.execute(mixed);

      expect(ofOthers).toEqual(logits.slice(2 * vocabSize, 3 * vocabSize));
      for (const index of prompts.keys()) {
        if (!isShort(index)) continue;
        const row = logits.subarray(index * vocabSize, (index + 1) * vocabSize);
        const ids = new Int32Array(numCandidates);
        selectTop(row, numCandidates, ids);
        expect(candidates[index]?.tokenIds).toEqual(ids);
        expect(candidates[index]?.logits).toEqual(Float32Array.from(ids, (id) => row[id] ?? NaN));
      }
    } finally {
      await executor.close();
    }
  });
});
