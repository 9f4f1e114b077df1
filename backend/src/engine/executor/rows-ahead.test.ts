// Tokens computed several at a time have the bits that they have one at a time, wherever in a block they begin: so what was
// computed ahead, on a guess that came true, is as good as what would have been computed then.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCpuExecutor } from "./cpu-executor.ts";
import type { Executor, ScheduledSequence } from "./executor.ts";
import { goldenModels, readGoldenCase } from "./golden-case.ts";
import { seededRandom } from "@sluice/shared/test-data/seeded-random.ts";
import { shuffledBlocks, TestSequence } from "./test-sequence.ts";

const numBlocks = 60;
const blocks = shuffledBlocks(numBlocks, 1);
const blocksOfOthers = blocks.slice(24);
const numTokens = 40;

let cacheDir = "";
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "sluice-rows-ahead-"));
});
afterAll(() => rm(cacheDir, { recursive: true }));

describe.each(["fp32", "int8", "int4"] as const)("in %s", (precision) => {
  test.each([...goldenModels, "pocket"] as const)("%s gives rows ahead the bits of single ones", async (name) => {
    const { modelDir, prompt } = await readGoldenCase(name);
    const numThreads = 2;
    const options = { precision, blockSize: 16, numBlocks, numThreads, maxModelLen: 1024, cacheDir };
    const executor = await createCpuExecutor({ modelDir, ...options });
    try {
      const single = new TestSequence(prompt, blocks.slice(0, 12));
      const expected = await decode(executor, single);
      for (const seed of [1, 2, 3]) {
        const tokens = single.tokens.slice(0, prompt.length + numTokens);
        const actual = await computeAhead(
          executor,
          new TestSequence(tokens, blocks.slice(12, 24)),
          prompt.length,
          seed,
        );
        expect(actual).toEqual(expected);
      }
    } finally {
      await executor.close();
    }
  });
});

/** The logits behind each of `numTokens` tokens that follow the prompt, one a step. */
async function decode(executor: Executor, sequence: TestSequence): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  const step = async (): Promise<Float32Array> => {
    const scheduled = sequence.schedule(Infinity);
    const logits = (await executor.execute([scheduled])).slice();
    sequence.advance(scheduled.tokenIds.length, logits);
    return logits;
  };
  await step();
  while (rows.length < numTokens) rows.push(await step());
  return rows;
}

/** The same, when it is known what follows: some at a time, beside others, and with tokens behind them that are not the right ones. */
async function computeAhead(
  executor: Executor,
  sequence: TestSequence,
  numPromptTokens: number,
  seed: number,
): Promise<Float32Array[]> {
  const random = seededRandom(seed);
  const below = (bound: number) => Math.floor(random() * bound);
  const { vocabSize } = executor.spec;
  await executor.execute([sequence.schedule(numPromptTokens)]);
  sequence.numComputed = numPromptTokens;
  const rows: Float32Array[] = [];
  while (sequence.numComputed < sequence.tokens.length) {
    const { tokenIds, ...scheduled } = sequence.schedule(1 + below(7));
    const wrong = Array.from({ length: below(4) }, () => below(vocabSize));
    const ahead = { ...scheduled, tokenIds: [...tokenIds, ...wrong], numLogits: tokenIds.length + wrong.length };
    const others = Array.from({ length: below(7) }, (_, index) => somebody(index, below, vocabSize));
    const first = below(others.length + 1);
    const logits = await executor.execute(others.toSpliced(first, 0, ahead));
    for (let row = first; row < first + tokenIds.length; row++) {
      rows.push(logits.slice(row * vocabSize, (row + 1) * vocabSize));
    }
    sequence.numComputed += tokenIds.length;
  }
  return rows;
}

/** Somebody else's token or chunk, in blocks that nobody else has; what comes of it does not matter. */
function somebody(index: number, below: (bound: number) => number, vocabSize: number): ScheduledSequence {
  const blockTable = blocksOfOthers.slice(3 * index, 3 * index + 3) as unknown as ScheduledSequence["blockTable"];
  const tokenIds = Array.from({ length: 1 + below(2) * below(6) }, () => below(vocabSize));
  return { tokenIds, numComputedTokens: below(30), blockTable, numLogits: 1 };
}
