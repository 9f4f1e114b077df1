import { afterAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { createCpuExecutor } from "./cpu-executor.ts";
import type { GoldenCase } from "./golden-case.ts";
import { goldenModels, readGoldenCase } from "./golden-case.ts";
import { shuffledBlocks, TestSequence } from "./test-sequence.ts";

const cache = await temporaryFolder();
afterAll(() => cache[Symbol.asyncDispose]());

// Random weights are the worst case for few bits: likely tokens are close to each other, and each layer amplifies noise. The
// bounds lie a little below the worst of what was measured, int8 .80 to .95 and int4 .20 to .44, in which no family stands
// out from Llama; chance is .006. A feature left out brings int8 to .2 and less. For quality, see bench/quantization.ts.
describe.each([
  ["int8", 0.75],
  ["int4", 0.15],
] as const)("%s weights", (precision, leastShare) => {
  test.each(goldenModels)("of %s choose transformers' likeliest token as often as Llama's", async (name) => {
    const golden = await readGoldenCase(name);
    const share = await topOneShare(golden, precision);
    expect(share).toBeGreaterThanOrEqual(leastShare);
  });
});

/** Over the prompt and the greedy tokens after it, where transformers' choice is known. */
async function topOneShare({ modelDir, prompt, greedy }: GoldenCase, precision: "int8" | "int4"): Promise<number> {
  const executor = await createCpuExecutor({
    modelDir,
    precision,
    blockSize: 16,
    numBlocks: 8,
    maxModelLen: 1024,
    numThreads: 1,
    cacheDir: cache.path,
  });
  try {
    const sequence = new TestSequence([...prompt, ...greedy], shuffledBlocks(8, 1));
    await executor.execute([sequence.schedule(prompt.length - 1)]);
    sequence.numComputed = prompt.length - 1;
    let numRight = 0;
    for (const token of greedy) {
      const logits = await executor.execute([sequence.schedule(1)]);
      if (logits.indexOf(Math.max(...logits)) === token) numRight++;
      sequence.numComputed++;
    }
    return numRight / greedy.length;
  } finally {
    await executor.close();
  }
}
