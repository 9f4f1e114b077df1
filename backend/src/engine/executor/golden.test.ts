// Every executor against the logits and tokens that transformers computes.
import { afterAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { createExecutor } from "./create-executor.ts";
import { executorsUnderTest } from "./executor-under-test.ts";
import type { Executor } from "./executor.ts";
import type { GoldenCase } from "./golden-case.ts";
import { readGoldenCase } from "./golden-case.ts";
import { shuffledBlocks, TestSequence } from "./test-sequence.ts";

const cache = await temporaryFolder();
afterAll(() => cache[Symbol.asyncDispose]());
const numBlocks = 40;
/** A shader that no cache holds is compiled in up to a minute, on a busy machine. */
const timeoutMs = 240_000;

describe.each(executorsUnderTest)("$name", ({ missing, models, chunks, tolerance, leastTopOneShare, options }) => {
  async function withGolden(
    name: (typeof models)[number],
    use: (golden: GoldenCase, executor: Executor) => Promise<void>,
  ) {
    const golden = await readGoldenCase(name);
    const executor = await createExecutor(options(golden.modelDir, { numBlocks, cacheDir: cache.path }));
    try {
      await use(golden, executor);
    } finally {
      await executor.close();
    }
  }

  describe.skipIf(missing !== undefined).each(models)("the %s model", (name) => {
    test.each(chunks)(
      "gives transformers' logits after each chunk of %i prompt tokens",
      (chunkTokens) =>
        withGolden(name, async (golden, executor) => {
          const { vocabSize } = executor.spec;
          const sequence = new TestSequence(golden.prompt, shuffledBlocks(numBlocks, 1));
          while (sequence.numComputed < golden.prompt.length) {
            const scheduled = sequence.schedule(chunkTokens);
            const logits = await executor.execute([scheduled]);
            sequence.advance(scheduled.tokenIds.length, logits);
            const row = sequence.numComputed - 1 - (golden.prompt.length - golden.logits.length / vocabSize);
            if (row < 0) continue;
            const expected = golden.logits.subarray(row * vocabSize, (row + 1) * vocabSize);
            expect(greatestDifference(logits, expected)).toBeLessThan(tolerance);
          }
        }),
      timeoutMs,
    );

    test(
      "gives transformers' logits of all the prompt's tokens at once, and its tokens after them",
      () =>
        withGolden(name, async (golden, executor) => {
          const { vocabSize } = executor.spec;
          const known = [...golden.prompt, ...golden.greedy];
          const firstRow = golden.prompt.length - golden.logits.length / vocabSize;
          const scheduled = new TestSequence(known, shuffledBlocks(numBlocks, 2)).schedule(Infinity);
          const rows = await executor.execute([{ ...scheduled, numLogits: known.length - firstRow }]);
          expect(greatestDifference(rows.subarray(0, golden.logits.length), golden.logits)).toBeLessThan(tolerance);

          const likeliest = golden.greedy.map((_, index) => {
            const start = (golden.prompt.length - 1 + index - firstRow) * vocabSize;
            const row = rows.subarray(start, start + vocabSize);
            return row.indexOf(row.reduce((most, logit) => Math.max(most, logit)));
          });
          const numRight = golden.greedy.filter((token, index) => likeliest[index] === token).length;
          expect(numRight / golden.greedy.length).toBeGreaterThanOrEqual(leastTopOneShare);
        }),
      timeoutMs,
    );
  });
});

function greatestDifference(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  return actual.reduce((most, value, index) => Math.max(most, Math.abs(value - (expected[index] ?? NaN))), 0);
}
