import { cp, open } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSafetensorsHeader } from "#engine/graph/safetensors.ts";
import type { BlockId } from "#engine/kv/block-id.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { createCpuExecutor } from "./cpu-executor.ts";
import type { ScheduledSequence } from "./executor.ts";
import { checkFinite, NonFiniteStepError } from "./finite-check.ts";
import { readGoldenCase } from "./golden-case.ts";
import { layRows } from "./row-layout.ts";
import { splitStep } from "./split-step.ts";

const poisonedToken = 3;
const settings = { precision: "fp32", blockSize: 8, numBlocks: 8, numThreads: 1, cacheDir: "" } as const;

test("names the sequences whose numbers are not finite, and keeps them out of the pool", async () => {
  const { modelDir, prompt } = await readGoldenCase("wide-heads");
  await using folder = await temporaryFolder();
  await cp(modelDir, folder.path, { recursive: true });
  await poisonEmbedding(join(folder.path, "model.safetensors"));
  const executor = await createCpuExecutor({ modelDir: folder.path, ...settings });
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
});

test("names the sequences whose hidden states are not finite, where nothing else shows it", () => {
  const spec = { vocabSize: 4, numCandidates: 2, keyLength: 2, hiddenSize: 3 };
  const wanting = (firstBlock: number) => ({
    ...sequence([1, 2], firstBlock, 0),
    hiddenStates: [new Float32Array(3), new Float32Array(3)],
  });
  const [spans = []] = splitStep([sequence([1], 0), wanting(2), wanting(4)]);
  const layout = layRows(spans, 8, 2);
  const numbers = {
    logits: new Float32Array(2 * spec.vocabSize),
    candidateLogits: new Float32Array(0),
    newKeyValues: new Float32Array(2 * layout.numRows * spec.keyLength),
    hiddenStates: new Float32Array(4 * spec.hiddenSize),
  };
  expect(() => checkFinite(spans, layout, { ...spec, ...numbers })).not.toThrow();
  // The last number of the second sequence's first row, then of the third one's last.
  for (const [index, sequenceIndex] of [
    [2, 1],
    [11, 2],
  ] as const) {
    const hiddenStates = numbers.hiddenStates.with(index, NaN);
    expect(() => checkFinite(spans, layout, { ...spec, ...numbers, hiddenStates })).toThrow(
      expect.objectContaining({ sequenceIndexes: [sequenceIndex] }),
    );
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
