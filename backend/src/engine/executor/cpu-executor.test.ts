import { afterAll, describe, expect, test } from "vitest";
import type { Precision } from "#engine/graph/linear.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { createCpuExecutor } from "./cpu-executor.ts";
import type { Executor } from "./executor.ts";
import { goldenModels, readGoldenCase } from "./golden-case.ts";
import { seededRandom } from "@sluice/shared/test-data/seeded-random.ts";
import { generate, shuffledBlocks, TestSequence } from "./test-sequence.ts";

const cache = await temporaryFolder();
afterAll(() => cache[Symbol.asyncDispose]());

interface Settings {
  readonly precision?: Precision;
  readonly blockSize?: number;
  readonly tileSize?: number;
  readonly numBlocks?: number;
  readonly numThreads?: number;
}

async function withExecutor(modelDir: string, settings: Settings, use: (executor: Executor) => Promise<void>) {
  const { precision = "fp32", blockSize = 16, tileSize = 64, numBlocks = 40, numThreads = 1 } = settings;
  // Named, because a LongRoPE model keeps to its original positions when nothing is.
  const maxModelLen = 1024;
  const executor = await createCpuExecutor({
    modelDir,
    precision,
    blockSize,
    tileSize,
    numBlocks,
    maxModelLen,
    numThreads,
    cacheDir: cache.path,
  });
  try {
    await use(executor);
  } finally {
    await executor.close();
  }
}

describe.each([...goldenModels, "pocket"] as const)("the %s model in fp32", (name) => {
  test.each([
    { blockSize: 8, tileSize: 8, chunkTokens: 1000, seed: 1 },
    { blockSize: 16, tileSize: 32, chunkTokens: 7, seed: 2 },
    { blockSize: 64, tileSize: 64, chunkTokens: 16, seed: 3 },
  ])(
    "decodes transformers' tokens with $blockSize of $tileSize tokens a block and chunks of $chunkTokens",
    async (settings) => {
      const golden = await readGoldenCase(name);
      expect(golden.greedy.length).toBeGreaterThanOrEqual(64);
      await withExecutor(golden.modelDir, settings, async (executor) => {
        const blocks = shuffledBlocks(40, settings.seed);
        const numTokens = golden.greedy.length;
        const { chunkTokens } = settings;
        expect(await generate(executor, golden.prompt, blocks, { numTokens, chunkTokens })).toEqual(golden.greedy);
      });
    },
  );
});

describe.each(["fp32", "int8", "int4"] as const)("a sequence in %s", (precision) => {
  test.each(goldenModels)("of %s gets the same bits alone and among 32 others", async (name) => {
    const golden = await readGoldenCase(name);
    await withExecutor(
      golden.modelDir,
      { precision, blockSize: 8, tileSize: 16, numBlocks: 600, numThreads: 2 },
      async (executor) => {
        const blocks = shuffledBlocks(600, 4);
        const own = blocks.splice(0, 16);
        const others = Array.from({ length: 32 }, (_, index) => {
          const random = seededRandom(index);
          const length = 1 + Math.floor(random() * 90);
          const prompt = Array.from({ length }, () => Math.floor(random() * executor.spec.vocabSize));
          return new TestSequence(prompt, blocks.splice(0, 17));
        });

        const alone = await logitsOfSteps(executor, new TestSequence(golden.prompt, own), []);
        const elsewhere = await logitsOfSteps(executor, new TestSequence(golden.prompt, shuffledBlocks(16, 5)), []);
        expect(elsewhere).toEqual(alone);
        const crowded = await logitsOfSteps(executor, new TestSequence(golden.prompt, own), others);
        expect(crowded).toEqual(alone);
      },
    );
  });
});

test("a prompt too long for one run gives the bits of its pieces, and leaves others theirs", async () => {
  const { modelDir, prompt } = await readGoldenCase("pocket");
  const long = Array.from({ length: 700 }, (_, index) => prompt[index % prompt.length] ?? 0);
  await withExecutor(modelDir, { blockSize: 32, numBlocks: 48 }, async (executor) => {
    const { vocabSize } = executor.spec;
    const blocks = shuffledBlocks(48, 6);
    const inPieces = new TestSequence(long, blocks.slice(0, 22));
    await executor.execute([inPieces.schedule(512)]);
    inPieces.numComputed = 512;
    const expected = (await executor.execute([inPieces.schedule(Infinity)])).slice();

    const decoding = new TestSequence(prompt.slice(0, 30), blocks.slice(44));
    decoding.advance(29, await executor.execute([decoding.schedule(29)]));
    const decoded = (await executor.execute([decoding.schedule(1)])).slice();

    const atOnce = new TestSequence(long, blocks.slice(22, 44)).schedule(Infinity);
    const logits = await executor.execute([atOnce, decoding.schedule(1)]);
    expect(logits.slice(0, vocabSize)).toEqual(expected);
    expect(logits.slice(vocabSize)).toEqual(decoded);
  });
});

test("a step gives the memory of the last one's logits back", async () => {
  const { modelDir, prompt } = await readGoldenCase("pocket");
  await withExecutor(modelDir, {}, async (executor) => {
    const sequence = new TestSequence(prompt, shuffledBlocks(40, 7));
    const first = await executor.execute([sequence.schedule(1)]);
    expect(first.byteLength).toBe(4 * executor.spec.vocabSize);
    sequence.advance(1, first);
    await executor.execute([sequence.schedule(1)]);
    expect(first.byteLength).toBe(0);
  });
});

/** The logits of 40 steps: the prompt in chunks of 9, then decodes, with the others at whatever they are doing. */
async function logitsOfSteps(executor: Executor, sequence: TestSequence, others: readonly TestSequence[]) {
  const { vocabSize } = executor.spec;
  const steps: Float32Array[] = [];
  for (let step = 0; step < 40; step++) {
    // Others come in one after another, in chunks of their own lengths, before and behind the sequence that is watched.
    const active = others.slice(0, 4 + step);
    const middle = Math.floor(active.length / 2);
    const all = [...active.slice(0, middle), sequence, ...active.slice(middle)];
    const chunk = (index: number) => (all[index] === sequence ? 9 : 1 + ((index * 7 + step) % 40));
    const batch = all.map((each, index) => each.schedule(chunk(index)));
    const logits = await executor.execute(batch);
    for (const [index, each] of all.entries()) {
      const row = logits.slice(index * vocabSize, (index + 1) * vocabSize);
      if (each === sequence) steps.push(row);
      each.advance(batch[index]?.tokenIds.length ?? 0, row);
    }
  }
  return steps;
}
