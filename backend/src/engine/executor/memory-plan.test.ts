import { expect, test } from "vitest";
import { parseConfig } from "#engine/graph/config.ts";
import { planMemory } from "./memory-plan.ts";

const config = parseConfig({
  model_type: "llama",
  vocab_size: 1000,
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 4096,
});
const needs = {
  precision: "fp32",
  embeddingBytes: 512_000,
  blockSize: 64,
  tileSize: 64,
  numBlocks: 100,
  maxModelLen: 4096,
  maxNumLogits: 64,
} as const;
// A layer: query and output 256 x 256, key and value 128 x 256, gate, up and down 512 x 256; then the output projection.
const numWeights = 2 * (2 * 65_536 + 2 * 32_768 + 3 * 131_072) + 256_000;

test.each([
  ["fp32", 512_000 + 4 * numWeights],
  ["int8", 512_000 + numWeights + (4 * numWeights) / 128],
  // The output projection has 8 bits.
  ["int4", 512_000 + (numWeights + 256_000) / 2 + (4 * numWeights) / 128],
] as const)("counts every weight in %s, its scale and the embedding as it is stored", (precision, expected) => {
  expect(planMemory(config, { ...needs, precision }).weightsBytes).toBe(expected);
});

test("counts keys and values of all layers", () => {
  // 2 for K and V, layers, heads, head size, positions, bytes
  expect(planMemory(config, needs).kvBytes).toBe(2 * 2 * 2 * 64 * 6400 * 4);
});

test("smaller blocks take what the whole tiles of as many tokens take", () => {
  expect(planMemory(config, { ...needs, blockSize: 16, numBlocks: 397 })).toEqual(planMemory(config, needs));
});

test.each([
  ["numBlocks", { numBlocks: 200 }],
  ["maxNumLogits", { maxNumLogits: 128 }],
  ["maxModelLen", { maxModelLen: 8192 }],
  ["smaller tiles", { blockSize: 16, tileSize: 16, numBlocks: 400 }],
])("needs more scratch with more %s", (_, change) => {
  expect(planMemory(config, { ...needs, ...change }).scratchBytes).toBeGreaterThan(
    planMemory(config, needs).scratchBytes,
  );
});

test("leaves room to pack a matrix that outweighs any run", () => {
  const wide = { ...config, vocabSize: 1_000_000 };
  const plan = planMemory(wide, { ...needs, maxNumLogits: 1 });
  expect(plan.scratchBytes).toBeGreaterThan(4 * 256 * 1_000_000);
});
