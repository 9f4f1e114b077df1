import { expect, test } from "vitest";
import type { BlockId } from "#engine/kv/block-id.ts";
import { createCpuExecutor } from "./cpu-executor.ts";
import type { ScheduledSequence } from "./executor.ts";
import { readGoldenCase } from "./golden-case.ts";
import { maxTileRows } from "./tile-plan.ts";

const blockSize = 8;
const block = (id: number) => id as BlockId;

// The second model's upper layers have a window that ends inside the prefix.
test.each([
  ["grouped-tied", 2],
  ["grouped-tied", 33],
  ["grouped-tied", maxTileRows + 6],
  ["qwen2", 33],
  ["qwen2", maxTileRows + 6],
] as const)(
  "in %s a prefix shared by %i sequences gives the bits of a prefix of one's own",
  async (name, numSharers) => {
    const { modelDir, prompt } = await readGoldenCase(name);
    const numBlocks = 2 + 2 * numSharers;
    const executor = await createCpuExecutor({
      modelDir,
      precision: "fp32",
      blockSize,
      tileSize: 2 * blockSize,
      numBlocks,
      numThreads: 1,
      cacheDir: "",
    });
    const { vocabSize } = executor.spec;
    const prefix = prompt.slice(0, 2 * blockSize);
    const fill = (blockTable: readonly BlockId[]) =>
      executor.execute([{ tokenIds: prefix, numComputedTokens: 0, blockTable, numLogits: 1 }]);
    // Even ones decode a token, odd ones go on with a chunk.
    const goOn = (index: number, blockTable: readonly BlockId[]): ScheduledSequence => ({
      tokenIds: index % 2 === 0 ? [index] : [index, 7, index],
      numComputedTokens: prefix.length,
      blockTable,
      numLogits: 1,
    });

    const expected: Float32Array[] = [];
    for (let index = 0; index < numSharers; index++) {
      const own = [block(numBlocks - 1), block(numBlocks - 2), block(0)];
      await fill(own);
      expected.push((await executor.execute([goOn(index, own)])).slice());
    }

    const shared = [block(5), block(3)];
    await fill(shared);
    const free = Array.from({ length: numBlocks }, (_, id) => block(id)).filter((id) => !shared.includes(id));
    const batch = expected.map((_, index) => goOn(index, [...shared, free[index] ?? block(0)]));
    const logits = await executor.execute(batch);
    for (const [index, own] of expected.entries()) {
      expect(logits.slice(index * vocabSize, (index + 1) * vocabSize)).toEqual(own);
    }
    await executor.close();
  },
);
