import { describe, expect, test } from "vitest";
import { makeCandidates } from "#engine/sampling/candidates.ts";
import { readGoldenCase } from "#engine/executor/golden-case.ts";
import { shuffledBlocks, TestSequence } from "#engine/executor/test-sequence.ts";
import { missingDevice } from "./missing-device.ts";
import { createWebGpuExecutor } from "./webgpu-executor.ts";

const missing = await missingDevice();

describe.skipIf(missing !== undefined)("candidates", () => {
  test("are the likeliest of the logits, with the sum over all, and the logits can be had after all", async () => {
    const { modelDir, prompt } = await readGoldenCase("pocket");
    const options = { modelDir, precision: "fp16", blockSize: 32, numBlocks: 16, cacheDir: "" } as const;
    const executor = await createWebGpuExecutor({ ...options, maxModelLen: 1024 });
    try {
      const blocks = shuffledBlocks(16, 1);
      const { numCandidates = 0, vocabSize } = executor.spec;
      const temperature = 0.7;
      const candidates = makeCandidates(numCandidates, temperature);
      const withLogits = new TestSequence(prompt.slice(0, 40), blocks).schedule(Infinity);
      const other = new TestSequence(prompt.slice(3, 43), blocks.slice(4)).schedule(Infinity);
      const inShort = { ...withLogits, blockTable: blocks.slice(8) as never, numLogits: 0, candidates };
      const logits = await executor.execute([other, inShort, { ...withLogits, numLogits: 2 }]);
      expect(logits).toHaveLength(3 * vocabSize);
      const row = logits.slice(2 * vocabSize);

      const ranked = Array.from(row.keys()).toSorted((a, b) => row[b]! - row[a]! || a - b);
      expect([...candidates.tokenIds]).toEqual(ranked.slice(0, numCandidates));
      expect([...candidates.logits]).toEqual(ranked.slice(0, numCandidates).map((id) => row[id]));
      const largest = Math.max(...row);
      const total = row.reduce((sum, logit) => sum + Math.exp((logit - largest) / temperature), 0);
      expect(Math.abs(candidates.totalWeight / total - 1)).toBeLessThan(1e-4);

      expect(await executor.fetchLogits?.([1])).toEqual(row);
      await expect(executor.fetchLogits?.([0])).rejects.toThrow("no candidates");
    } finally {
      await executor.close();
    }
  }, 240_000);
});
