// The same weights in other files: several shards, other element types.
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cp } from "node:fs/promises";
import { afterAll, expect, test } from "vitest";
import { decodeFloats } from "#engine/graph/decode-floats.ts";
import { openCheckpoint } from "#engine/graph/checkpoint.ts";
import { layOutSafetensors } from "#engine/graph/safetensors-layout.ts";
import { readExactly } from "#engine/graph/safetensors.ts";
import type { TensorDtype } from "#engine/graph/safetensors.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { createCpuExecutor } from "./cpu-executor.ts";
import { readGoldenCase } from "./golden-case.ts";
import { generate, shuffledBlocks, TestSequence } from "./test-sequence.ts";

const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());

test.each(["qwen2", "phi3"] as const)("three shards of %s give the bits of one file", async (name) => {
  const { modelDir, prompt } = await readGoldenCase(name);
  const sharded = await rewrite(modelDir, "BF16", 3);
  expect(await logitsOf(sharded, prompt)).toEqual(await logitsOf(modelDir, prompt));
});

test("float32 weights give the bits of the bfloat16 ones they were", async () => {
  const { modelDir, prompt } = await readGoldenCase("qwen3");
  expect(await logitsOf(await rewrite(modelDir, "F32", 1), prompt)).toEqual(await logitsOf(modelDir, prompt));
});

test("float16 weights give transformers' tokens", async () => {
  const { modelDir, prompt, greedy } = await readGoldenCase("smollm3");
  const executor = await openExecutor(await rewrite(modelDir, "F16", 2));
  try {
    expect(await generate(executor, prompt, shuffledBlocks(40, 1), { numTokens: greedy.length })).toEqual(greedy);
  } finally {
    await executor.close();
  }
});

/** A copy of the checkpoint, whose weights are bfloat16, in `numShards` files. */
async function rewrite(modelDir: string, dtype: TensorDtype, numShards: number): Promise<string> {
  const copy = join(folder.path, `${dtype}-${numShards}-${modelDir.split("/").at(-1)}`);
  const { tensors } = await openCheckpoint(modelDir);
  const source = await open(join(modelDir, "model.safetensors"));
  const shards = Array.from({ length: numShards }, () => new Map<string, Uint8Array>());
  for (const [index, [name, tensor]] of [...tensors].entries()) {
    const stored = await readExactly(source, tensor.offsetBytes, tensor.lengthBytes);
    shards[index % numShards]?.set(name, dtype === tensor.dtype ? stored : encode(decodeFloats(stored, "BF16"), dtype));
  }
  await source.close();
  await cp(modelDir, copy, { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
  const weightMap: Record<string, string> = {};
  for (const [index, shard] of shards.entries()) {
    const fileName = `model-${index + 1}-of-${numShards}.safetensors`;
    const shapes = new Map([...shard.keys()].map((name) => [name, { dtype, shape: tensors.get(name)?.shape ?? [] }]));
    await writeFile(join(copy, fileName), Buffer.concat([layOutSafetensors(shapes).bytes, ...shard.values()]));
    for (const name of shard.keys()) weightMap[name] = fileName;
  }
  await writeFile(join(copy, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
  return copy;
}

function encode(floats: Float32Array, dtype: TensorDtype): Uint8Array {
  if (dtype === "F32") return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  const bytes = new Uint8Array(2 * floats.length);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of floats.entries()) view.setFloat16(2 * index, value, true);
  return bytes;
}

function openExecutor(modelDir: string) {
  return createCpuExecutor({ modelDir, precision: "fp32", blockSize: 16, numBlocks: 40, numThreads: 1, cacheDir: "" });
}

async function logitsOf(modelDir: string, prompt: readonly number[]): Promise<Float32Array> {
  const executor = await openExecutor(modelDir);
  try {
    return (await executor.execute([new TestSequence(prompt, shuffledBlocks(40, 1)).schedule(Infinity)])).slice();
  } finally {
    await executor.close();
  }
}
