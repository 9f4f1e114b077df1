import { cp, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSafetensorsHeader } from "#engine/graph/safetensors.ts";
import type { BlockId } from "#engine/kv/block-id.ts";
import { createCpuExecutor } from "./cpu-executor.ts";
import type { ScheduledSequence } from "./executor.ts";
import { NonFiniteStepError } from "./finite-check.ts";
import { readGoldenCase } from "./golden-case.ts";

const poisonedToken = 3;

test("names the sequences whose numbers are not finite, and keeps them out of the pool", async () => {
  const { modelDir, prompt } = await readGoldenCase("wide-heads");
  const poisoned = await mkdtemp(join(tmpdir(), "sluice-poisoned-"));
  try {
    await cp(modelDir, poisoned, { recursive: true });
    await poisonEmbedding(join(poisoned, "model.safetensors"));
    const executor = await createCpuExecutor({
      modelDir: poisoned,
      precision: "fp32",
      blockSize: 8,
      numBlocks: 8,
      numThreads: 1,
      cacheDir: "",
    });
    const healthy = prompt.slice(0, 11).map((token) => (token === poisonedToken ? 4 : token));
    const expected = (await executor.execute([sequence(healthy, 0)])).slice();

    const step = executor.execute([
      sequence(healthy, 0),
      sequence([5, poisonedToken, 6], 2),
      sequence([poisonedToken], 4, 0),
    ]);
    await expect(step).rejects.toThrow(NonFiniteStepError);
    await expect(step).rejects.toMatchObject({ sequenceIndexes: [1, 2] });
    // The blocks of the faulty sequences, taken by a healthy one that fills them only in part.
    expect(await executor.execute([sequence(healthy, 2)])).toEqual(expected);
    await executor.close();
  } finally {
    await rm(poisoned, { recursive: true });
  }
});

function sequence(tokenIds: readonly number[], firstBlock: number, numLogits = 1): ScheduledSequence {
  return { tokenIds, numComputedTokens: 0, blockTable: [firstBlock, firstBlock + 1] as BlockId[], numLogits };
}

/** Makes the first number of one token's embedding a bfloat16 NaN. */
async function poisonEmbedding(path: string): Promise<void> {
  const entry = (await readSafetensorsHeader(path)).get("model.embed_tokens.weight");
  const rowBytes = 2 * (entry?.shape[1] ?? 0);
  const file = await open(path, "r+");
  await file.write(Uint8Array.of(0xc0, 0x7f), 0, 2, (entry?.offsetBytes ?? 0) + poisonedToken * rowBytes);
  await file.close();
}
