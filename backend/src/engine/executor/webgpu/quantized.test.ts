import { afterAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { readGoldenCase } from "#engine/executor/golden-case.ts";
import { shuffledBlocks, TestSequence } from "#engine/executor/test-sequence.ts";
import { missingDevice } from "./missing-device.ts";
import { createWebGpuExecutor } from "./webgpu-executor.ts";

const missing = await missingDevice();
const cache = await temporaryFolder();
afterAll(() => cache[Symbol.asyncDispose]());

// The bounds are those of the CPU (quantized-agreement.test.ts), where 256 tokens make chance .004.
describe.skipIf(missing !== undefined)("weights quantized for the CPU", () => {
  test.each([
    ["int8", 0.75],
    ["int4", 0.15],
  ] as const)(
    "in %s choose transformers' likeliest token as often on the device",
    async (precision, leastShare) => {
      const { modelDir, prompt, greedy } = await readGoldenCase("grouped-tied");
      const options = { modelDir, precision, blockSize: 32, numBlocks: 8, cacheDir: cache.path } as const;
      const executor = await createWebGpuExecutor(options);
      try {
        const { vocabSize } = executor.spec;
        const known = new TestSequence([...prompt, ...greedy], shuffledBlocks(8, 1)).schedule(Infinity);
        const rows = await executor.execute([{ ...known, numLogits: greedy.length + 1 }]);
        const numRight = greedy.filter((token, index) => {
          const row = rows.subarray(index * vocabSize, (index + 1) * vocabSize);
          return row.indexOf(Math.max(...row)) === token;
        }).length;
        expect(numRight / greedy.length).toBeGreaterThanOrEqual(leastShare);
      } finally {
        await executor.close();
      }
    },
    240_000,
  );
});
