// What can be wrong with a checkpoint, done to a small one: each ends the load with one line that names it and says what to do.
import { cp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readSafetensorsHeader } from "#engine/graph/safetensors.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import type { Precision } from "#engine/graph/linear.ts";
import { createCpuExecutor } from "./cpu-executor.ts";
import { readGoldenCase } from "./golden-case.ts";

type Damage = (modelDir: string) => Promise<void>;

const weights = (modelDir: string): string => join(modelDir, "model.safetensors");

const config =
  (fields: object): Damage =>
  async (modelDir) => {
    const path = join(modelDir, "config.json");
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...fields }));
  };

/** Renames a tensor, or changes what else the header says, in as many bytes as before. */
const header =
  (from: string, to: string): Damage =>
  async (modelDir) => {
    const bytes = await readFile(weights(modelDir));
    const at = bytes.indexOf(from);
    if (at < 0 || from.length !== to.length) throw new Error("nothing damaged");
    bytes.write(to, at, "latin1");
    await writeFile(weights(modelDir), bytes);
  };

/** Makes the first number of a tensor a bfloat16 NaN or infinity. */
const number =
  (tensorName: string, highByte: number, lowByte: number): Damage =>
  async (modelDir) => {
    const entry = (await readSafetensorsHeader(weights(modelDir))).get(tensorName);
    if (entry === undefined) throw new Error("nothing damaged");
    const file = await open(weights(modelDir), "r+");
    await file.write(Uint8Array.of(lowByte, highByte), 0, 2, entry.offsetBytes);
    await file.close();
  };

async function load(damage: Damage, precision: Precision): Promise<unknown> {
  await using folder = await temporaryFolder();
  const modelDir = join(folder.path, "model");
  await cp((await readGoldenCase("multi-head-untied")).modelDir, modelDir, { recursive: true });
  await damage(modelDir);
  const cacheDir = join(folder.path, "cache");
  try {
    const executor = await createCpuExecutor({
      modelDir,
      precision,
      cacheDir,
      blockSize: 8,
      numBlocks: 4,
      numThreads: 1,
    });
    await executor.close();
    return undefined;
  } catch (error) {
    return error;
  }
}

test.each(["fp32", "int8"] as const)("the checkpoint loads in %s while it is whole", async (precision) => {
  expect(await load(async () => {}, precision)).toBeUndefined();
});

const yarn = { rope_type: "longyarn", factor: 4 };
const cases: [string, Damage, RegExp][] = [
  ["no config.json", (dir) => rm(join(dir, "config.json")), /no config\.json; name the directory/],
  [
    "a config.json that is not JSON",
    (dir) => writeFile(join(dir, "config.json"), "{,"),
    /config\.json: not JSON; download/,
  ],
  ["a config.json that is a list", (dir) => writeFile(join(dir, "config.json"), "[]"), /config\.json: all of it/],
  ["no model_type", config({ model_type: undefined }), /config\.json: model_type/],
  ["an unknown architecture", config({ model_type: "mixtral" }), /model_type = "mixtral" is not supported; llama, /],
  ["a size that is no number", config({ hidden_size: "64" }), /config\.json: hidden_size/],
  ["layers without number", config({ num_hidden_layers: 1e9 }), /config\.json: num_hidden_layers/],
  ["an unknown rotation", config({ rope_parameters: yarn }), /rope_type = "longyarn" is not supported/],
  ["another activation", config({ hidden_act: "gelu" }), /hidden_act = "gelu" is not supported/],
  [
    "GPTQ",
    config({ quantization_config: { quant_method: "gptq", bits: 4 } }),
    /quant_method = "gptq" is not supported: take/,
  ],
  ["AWQ", config({ quantization_config: { quant_method: "awq" } }), /quant_method = "awq" is not supported: take/],
  ["another quantization", config({ quantization_config: {} }), /quant_method = "unknown" is not supported/],
  ["no weights", (dir) => rm(weights(dir)), /model\.safetensors: no such weights, download/],
  ["empty weights", (dir) => truncate(weights(dir), 0), /too short for a safetensors file; download/],
  ["weights cut in the header", (dir) => truncate(weights(dir), 500), /not a safetensors file .*, or not all of it/],
  [
    "weights cut short",
    (dir) => truncate(weights(dir), 50_000),
    /ends at byte 50000, before .* does; download it again/,
  ],
  [
    "a pointer in the place of weights",
    (dir) => writeFile(weights(dir), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
    /not a safetensors file \(a pointer to one, perhaps\)/,
  ],
  ["a missing tensor", header("model.norm.weight", "model.n0rm.weight"), /model\.norm\.weight: missing, not 64/],
  ["a missing output projection", header("lm_head.weight", "xx_head.weight"), /lm_head\.weight: missing, not 320 x 64/],
  ["an element type of another kind", header('"BF16"', '"I162"'), /unsupported dtype I162/],
  ["another vocabulary", config({ vocab_size: 321 }), /320 x 64, not 321 x 64 as config\.json has it/],
  ["other layers", config({ num_hidden_layers: 3 }), /model\.layers\.2\..*: missing/],
  ["fewer layers", config({ num_hidden_layers: 1 }), /model\.layers\.1\..*: a weight of no known use/],
  ["a norm that is not a number", number("model.norm.weight", 0x7f, 0xc0), /not finite.*download/],
  ["a weight that is not a number", number("model.layers.1.mlp.down_proj.weight", 0x7f, 0xc0), /not finite.*download/],
  ["an infinite weight", number("lm_head.weight", 0x7f, 0x80), /not finite.*download/],
];

describe.each(["fp32", "int8"] as const)("in %s", (precision) => {
  test.each(cases)("refuses %s", async (_, damage, line) => {
    const error = await load(damage, precision);
    expect(error).toBeInstanceOf(Error);
    const { name, message } = error as Error;
    expect(name).toMatch(/^(UnsupportedModelError|CheckpointError)$/);
    expect(message).toMatch(line);
    expect(message).not.toContain("\n");
  });
});

test("a matrix that is not quantized leaves no half-made file behind", async () => {
  await using folder = await temporaryFolder();
  const modelDir = join(folder.path, "model");
  await cp((await readGoldenCase("multi-head-untied")).modelDir, modelDir, { recursive: true });
  const options = { modelDir, precision: "int8", blockSize: 8, numBlocks: 4, numThreads: 1 } as const;
  const damage = number("lm_head.weight", 0x7f, 0xc0);
  await damage(modelDir);
  const cacheDir = join(folder.path, "cache");
  await expect(createCpuExecutor({ ...options, cacheDir })).rejects.toThrow(
    "lm_head.weight: weights that are not finite",
  );
  await number("lm_head.weight", 0x3f, 0x80)(modelDir);
  await (await createCpuExecutor({ ...options, cacheDir })).close();
});
