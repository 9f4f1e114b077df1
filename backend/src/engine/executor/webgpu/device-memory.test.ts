import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parseConfig } from "#engine/graph/config.ts";
import { checkDeviceMemory } from "./device-memory.ts";
import { checkDeviceModel } from "./device-model.ts";

const golden = new URL("../../../../test-data/golden/", import.meta.url);
const configOf = async (name: string) =>
  parseConfig(JSON.parse(await readFile(new URL(`${name}/config.json`, golden), "utf8")));

// grouped-tied: vocabulary 256, hidden 64, MLP 136, 8 query and 2 K/V heads of 32, two layers; a tied embedding.
const layerWeights = 64 * 256 + 2 * 64 * 64 + 256 * 64 + 3 * 64 * 136;
const weightsBytes = 2 * (2 * layerWeights + 256 * 64);
const blockBytes = 2 * 2 * 2 * 32 * 32 * 2;
const needs = { precision: "fp16", blockSize: 32, numBlocks: 10 } as const;

test("weights and pool fit their exact size, and not a byte less", async () => {
  const config = await configOf("grouped-tied");
  const exact = weightsBytes + 10 * blockBytes;
  expect(() => checkDeviceMemory(config, needs, exact)).not.toThrow();
  expect(() => checkDeviceMemory(config, needs, exact - 1)).toThrow("9 blocks would fit");
  expect(() => checkDeviceMemory(config, needs, 10)).toThrow("0 blocks would fit");
});

test("quantized weights take less, although a tied embedding is then there twice", async () => {
  const config = await configOf("grouped-tied");
  const quantized = (2 * (64 * 256 + 2 * 64 * 64 + 3 * 64 * 136) + 256 * 64) * 2;
  expect(() => checkDeviceMemory(config, { ...needs, precision: "int4" }, quantized + 10 * blockBytes)).not.toThrow();
});

test("heads that the kernels cannot read are refused by name, and block sizes too", async () => {
  const wideHeads = await configOf("wide-heads");
  expect(() => checkDeviceModel(wideHeads, 32)).toThrow("head_dim 20");
  const grouped = await configOf("grouped-tied");
  expect(() => checkDeviceModel(grouped, 64)).not.toThrow();
  for (const blockSize of [16, 48])
    expect(() => checkDeviceModel(grouped, blockSize)).toThrow(`block size ${blockSize}`);
});
