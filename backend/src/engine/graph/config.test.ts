import { expect, test } from "vitest";
import { parseConfig } from "./config.ts";

const smallest = {
  model_type: "llama",
  vocab_size: 320,
  hidden_size: 64,
  intermediate_size: 176,
  num_hidden_layers: 2,
  num_attention_heads: 4,
};

test("fills what the file leaves out with transformers' defaults", () => {
  expect(parseConfig(smallest)).toEqual({
    vocabSize: 320,
    hiddenSize: 64,
    intermediateSize: 176,
    numLayers: 2,
    numHeads: 4,
    numKvHeads: 4,
    headDim: 16,
    rmsNormEpsilon: 1e-6,
    rope: { theta: 10_000, rotaryDim: 16, scaling: { kind: "none" } },
    maxPositions: 2048,
    tiedEmbeddings: false,
    biases: [],
    queryKeyNorm: false,
    fusedProjections: false,
    layers: [{ rotates: true }, { rotates: true }],
  });
});

test.each([
  [{ rope_theta: 5e5 }, 5e5],
  [{ rope_theta: 5e5, rope_scaling: null }, 5e5],
  [{ rope_parameters: { rope_theta: 1e6, rope_type: "default" } }, 1e6],
])("takes the RoPE base from %j", (fields, ropeTheta) => {
  expect(parseConfig({ ...smallest, ...fields }).rope.theta).toBe(ropeTheta);
});

test("an explicit head_dim need not be hidden_size / heads", () => {
  expect(parseConfig({ ...smallest, head_dim: 20, num_key_value_heads: 2 })).toMatchObject({
    headDim: 20,
    numKvHeads: 2,
  });
});

test.each([
  ["model_type", { model_type: "mamba" }],
  ["hidden_act", { hidden_act: "gelu" }],
  ["low_freq_factor", { rope_scaling: { rope_type: "llama3", factor: 8 } }],
  ["rope_type", { rope_scaling: { type: "yarn", factor: 8 } }],
  ["partial_rotary_factor", { rope_parameters: { partial_rotary_factor: 0.5 } }],
  ["quantization_config", { quantization_config: { quant_method: "gptq" } }],
  ["num_key_value_heads", { num_key_value_heads: 3 }],
  ["head_dim", { head_dim: 15 }],
  ["hidden_size", { hidden_size: "64" }],
])("refuses what the graph does not express, by name: %s", (field, change) => {
  expect(() => parseConfig({ ...smallest, ...change })).toThrow(field);
});
