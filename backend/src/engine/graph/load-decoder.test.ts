import { expect, test } from "vitest";
import { parseConfig } from "./config.ts";
import { chooseMaxModelLen } from "./load-decoder.ts";

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
