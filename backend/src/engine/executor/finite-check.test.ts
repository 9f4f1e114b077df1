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
const settings = { precision: "fp32", blockSize: 8, numBlocks: 8, numThreads: 1, cacheDir: "" } as const;

test("names the sequences whose numbers are not finite, and keeps them out of the pool", async () => {
  const { modelDir, prompt } = await readGoldenCase("wide-heads");
  const poisoned = await mkdtemp(join(tmpdir(), "sluice-poisoned-"));
  try {
    await cp(modelDir, poisoned, { recursive: true });
    await poison(join(poisoned, "model.safetensors"), "model.embed_tokens.weight", poisonedToken);
    const executor = await createCpuExecutor({ modelDir: poisoned, ...settings });
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

test("names the sequences whose hidden states are not finite, where nothing else shows it", async () => {
  const { modelDir, prompt } = await readGoldenCase("wide-heads");
  const poisoned = await mkdtemp(join(tmpdir(), "sluice-poisoned-"));
  try {
    await cp(modelDir, poisoned, { recursive: true });
    await poison(join(poisoned, "model.safetensors"), "model.norm.weight");
    const executor = await createCpuExecutor({ modelDir: poisoned, ...settings });
    const tokens = prompt.slice(0, 5);
    const hiddenStates = [new Float32Array(executor.spec.embedding?.size ?? 0)];
    const step = executor.execute([sequence(tokens, 0, 0), { ...sequence(tokens, 2, 0), hiddenStates }]);
    await expect(step).rejects.toMatchObject({ sequenceIndexes: [1] });
    await executor.close();
  } finally {
    await rm(poisoned, { recursive: true });
  }
});

function sequence(tokenIds: readonly number[], firstBlock: number, numLogits = 1): ScheduledSequence {
  return { tokenIds, numComputedTokens: 0, blockTable: [firstBlock, firstBlock + 1] as BlockId[], numLogits };
}

/** Makes the first number of a tensor's row a bfloat16 NaN. */
async function poison(path: string, tensorName: string, row = 0): Promise<void> {
  const entry = (await readSafetensorsHeader(path)).get(tensorName);
  const rowBytes = 2 * (entry?.shape.at(-1) ?? 0);
  const file = await open(path, "r+");
  await file.write(Uint8Array.of(0xc0, 0x7f), 0, 2, (entry?.offsetBytes ?? 0) + row * rowBytes);
  await file.close();
}
