import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseConfig } from "./config.ts";
import { chooseMaxModelLen, openModel } from "./load-decoder.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";

const fields = {
  vocab_size: 1000,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  max_position_embeddings: 131_072,
};
const plain = parseConfig({ ...fields, model_type: "llama" });
const longRope = parseConfig({
  ...fields,
  model_type: "phi3",
  rope_scaling: { type: "longrope", short_factor: Array(8).fill(1), long_factor: Array(8).fill(2) },
});

test.each([
  ["all that a model was trained for when nothing is wanted", plain, undefined, 131_072],
  ["what is wanted", plain, 500, 500],
  ["no more than a model was trained for", plain, 1e6, 131_072],
  ["the original positions of LongRoPE when nothing is wanted", longRope, undefined, 4096],
  ["more than those when wanted", longRope, 8192, 8192],
])("serves %s", (_, config, wanted, expected) => {
  expect(chooseMaxModelLen(config, wanted)).toBe(expected);
});

const goldenDir = fileURLToPath(new URL("../../../test-data/golden/grouped-tied", import.meta.url));

test("a checkpoint saved without its head is the same model, its names without the prefix", async () => {
  await using folder = await temporaryFolder();
  await cp(goldenDir, folder.path, { recursive: true });
  const whole = await openModel(folder.path);
  await rewriteHeader(join(folder.path, "model.safetensors"), (header) => header.replaceAll('"model.', '"'));
  const headless = await openModel(folder.path);
  expect([...headless.checkpoint.tensors.keys()]).toEqual([...whole.checkpoint.tensors.keys()]);
  const lengths = ({ checkpoint }: typeof whole) => [...checkpoint.tensors.values()].map(({ shape }) => shape);
  expect(lengths(headless)).toEqual(lengths(whole));
});

/** Changes a safetensors file's header and leaves its data. */
async function rewriteHeader(path: string, change: (header: string) => string): Promise<void> {
  const bytes = await readFile(path);
  const dataStart = 8 + Number(bytes.readBigUInt64LE());
  const header = Buffer.from(change(bytes.toString("utf8", 8, dataStart)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  await writeFile(path, Buffer.concat([length, header, bytes.subarray(dataStart)]));
}
