// The provider's attention with a window is right only on devices whose subgroups have 16 lanes or more, as those of GPUs
// do. Lavapipe's have as many as its vectors hold float32 numbers.
import { afterAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { readGoldenCase } from "#engine/executor/golden-case.ts";
import { shuffledBlocks, TestSequence } from "#engine/executor/test-sequence.ts";
import { missingDevice } from "./missing-device.ts";
import { createWebGpuExecutor } from "./webgpu-executor.ts";

vi.stubEnv("LP_NATIVE_VECTOR_WIDTH", "512");
const missing = await missingDevice();
const cache = await temporaryFolder();
afterAll(() => cache[Symbol.asyncDispose]());

describe.skipIf(missing !== undefined)("attention with a window", () => {
  test("gives transformers' logits for a prompt and for decodes", async () => {
    const { modelDir, prompt, logits } = await readGoldenCase("phi3");
    const options = { modelDir, precision: "fp16", blockSize: 32, numBlocks: 8, cacheDir: cache.path } as const;
    const executor = await createWebGpuExecutor({ ...options, maxModelLen: 512 });
    try {
      const sequence = new TestSequence(prompt, shuffledBlocks(8, 1));
      const numAtOnce = prompt.length - 4;
      const rows = [...(await executor.execute([{ ...sequence.schedule(numAtOnce), numLogits: numAtOnce }]))];
      for (sequence.numComputed = numAtOnce; sequence.numComputed < prompt.length; sequence.numComputed++) {
        rows.push(...(await executor.execute([sequence.schedule(1)])));
      }
      const differences = [...logits].map((logit, index) => Math.abs(logit - (rows[index] ?? NaN)));
      expect(Math.max(...differences)).toBeLessThan(0.2);
    } finally {
      await executor.close();
    }
  }, 240_000);
});
