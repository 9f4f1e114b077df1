// Excerpts of published config.json files, as transformers 4 wrote them, and of what transformers 5 writes.
import { expect, test } from "vitest";
import { parseConfig } from "#engine/graph/config.ts";

const shape = {
  vocab_size: 1000,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 32_768,
};
const parse = (modelType: string, fields: object = {}) => parseConfig({ ...shape, model_type: modelType, ...fields });
const windows = (modelType: string, fields: object) => parse(modelType, fields).layers.map(({ window }) => window);

const all = undefined;

test.each<[string, string, object, readonly (number | undefined)[]]>([
  ["llama has none", "llama", { sliding_window: 9 }, [all, all, all, all]],
  ["Mistral 0.1 has one for all layers", "mistral", { sliding_window: 4096 }, [4096, 4096, 4096, 4096]],
  ["Mistral 0.3 has none", "mistral", { sliding_window: null }, [all, all, all, all]],
  ["Mistral's default is 4096", "mistral", {}, [4096, 4096, 4096, 4096]],
  ["Qwen 2 names one that is off", "qwen2", { use_sliding_window: false, sliding_window: 9 }, [all, all, all, all]],
  [
    "Qwen 2's upper layers slide when it is on",
    "qwen2",
    { use_sliding_window: true, sliding_window: 9, max_window_layers: 3 },
    [all, all, all, 9],
  ],
  [
    "layer_types decides where it is written",
    "qwen3",
    {
      use_sliding_window: true,
      sliding_window: 9,
      max_window_layers: 0,
      layer_types: ["full_attention", "sliding_attention", "full_attention", "full_attention"],
    },
    [all, 9, all, all],
  ],
  [
    "SmolLM 3 slides where it does not rotate",
    "smollm3",
    { use_sliding_window: true, sliding_window: 7 },
    [all, all, all, 7],
  ],
  ["Phi 3 mini has one for all layers", "phi3", { sliding_window: 2047 }, [2047, 2047, 2047, 2047]],
  ["one as long as the model's positions is none", "phi3", { sliding_window: 32_768 }, [all, all, all, all]],
])("windows: %s", (_, modelType, fields, expected) => {
  expect(windows(modelType, fields)).toEqual(expected);
});

test.each([
  ["llama", {}, []],
  ["llama", { attention_bias: true }, ["query", "key", "value", "attentionOutput"]],
  ["llama", { mlp_bias: true }, ["gate", "up", "down"]],
  ["mistral", {}, []],
  ["qwen2", {}, ["query", "key", "value"]],
  ["qwen3", {}, []],
  ["qwen3", { attention_bias: true }, ["query", "key", "value", "attentionOutput"]],
  ["smollm3", { mlp_bias: true }, ["gate", "up", "down"]],
  ["phi3", {}, []],
])("biases of %s with %j", (modelType, fields, expected) => {
  expect(parse(modelType, fields).biases).toEqual(expected);
});

test("only Qwen 3 normalizes queries and keys, and only Phi 3 fuses projections", () => {
  const types = ["llama", "mistral", "qwen2", "qwen3", "smollm3", "phi3"];
  expect(types.filter((type) => parse(type).queryKeyNorm)).toEqual(["qwen3"]);
  expect(types.filter((type) => parse(type).fusedProjections)).toEqual(["phi3"]);
});

test("takes a family's own defaults, not Llama's", () => {
  expect(parse("qwen3").headDim).toBe(128);
  expect(parse("smollm3")).toMatchObject({ tiedEmbeddings: true, rope: { theta: 2_000_000 } });
  expect(parse("phi3").rmsNormEpsilon).toBe(1e-5);
  expect(parse("qwen2", { head_dim: null }).headDim).toBe(16);
});

test.each([
  [{}, [true, true, true, false]],
  [{ no_rope_layer_interval: 2 }, [true, false, true, false]],
  [{ no_rope_layers: [0, 1, 1, 0] }, [false, true, true, false]],
])("SmolLM 3 rotates the layers that %j leaves", (fields, expected) => {
  expect(parse("smollm3", fields).layers.map(({ rotates }) => rotates)).toEqual(expected);
});

test.each([
  [
    {
      rope_theta: 5e5,
      rope_scaling: {
        rope_type: "llama3",
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
    },
  ],
  [
    {
      rope_parameters: {
        rope_theta: 5e5,
        rope_type: "llama3",
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
    },
  ],
])("reads Llama 3's scaling from either place: %j", (fields) => {
  expect(parse("llama", fields).rope).toEqual({
    theta: 5e5,
    rotaryDim: 16,
    scaling: { kind: "llama3", factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaxPositions: 8192 },
  });
});

test("reads Phi-4-mini's partial rotation and LongRoPE, whose magnitude follows from the two lengths", () => {
  const { rope } = parse("phi3", {
    max_position_embeddings: 131_072,
    original_max_position_embeddings: 4096,
    partial_rotary_factor: 0.75,
    rope_scaling: { type: "longrope", short_factor: [1, 1, 1, 1, 1, 1], long_factor: [1, 2, 3, 4, 5, 6] },
  });
  expect(rope.rotaryDim).toBe(12);
  expect(rope.scaling).toMatchObject({ kind: "longrope", originalMaxPositions: 4096 });
  expect(rope.scaling.kind === "longrope" && rope.scaling.attentionFactor).toBeCloseTo(1.1902380714238083, 12);
});

const yarn = { type: "yarn", factor: 4, original_max_position_embeddings: 32_768 };

// What the cards of Qwen 2.5 and Qwen 3 say to add to config.json; computed by transformers 5.18.
test.each([
  ["qwen2", { rope_scaling: yarn, rope_theta: 1e6 }, 1.138629436111989],
  ["qwen3", { rope_parameters: { ...yarn, rope_theta: 1e6, mscale: 0.75, mscale_all_dim: 1 } }, 0.9695622140717355],
  ["qwen2", { rope_scaling: { ...yarn, attention_factor: 1.5 }, rope_theta: 1e6 }, 1.5],
])("reads YaRN of %s, which serves the original positions times the factor", (modelType, fields, attentionFactor) => {
  const { rope, maxPositions } = parse(modelType, { max_position_embeddings: 32_768, head_dim: 128, ...fields });
  expect(maxPositions).toBe(131_072);
  expect(rope.scaling).toMatchObject({ kind: "yarn", factor: 4, firstBlended: 23, lastBlended: 40 });
  expect(rope.scaling.kind === "yarn" && rope.scaling.attentionFactor).toBeCloseTo(attentionFactor, 12);
});

test("what YaRN writes as max_position_embeddings counts where it is more", () => {
  expect(parse("qwen2", { max_position_embeddings: 200_000, rope_scaling: yarn }).maxPositions).toBe(200_000);
});

test.each([
  ["gemma3_text", "gemma3_text", {}],
  ["llama, mistral, qwen2, qwen3, smollm3, phi3", "mixtral", {}],
  ["partial_rotary_factor", "llama", { partial_rotary_factor: 0.5 }],
  ["original_max_position_embeddings", "qwen2", { rope_scaling: { type: "yarn", factor: 4 } }],
  ["linear", "llama", { rope_scaling: { type: "linear", factor: 4 } }],
  ["dynamic", "llama", { rope_scaling: { rope_type: "dynamic", factor: 4 } }],
  ["rope_parameters", "qwen2", { rope_parameters: { full_attention: { rope_theta: 1e6 } } }],
  ["short_factor", "phi3", { rope_scaling: { type: "longrope", short_factor: [1], long_factor: [1] } }],
  ["long_factor", "phi3", { rope_scaling: { type: "su", short_factor: [1, 1, 1, 1, 1, 1, 1, 1] } }],
  ["chunked_attention", "qwen3", { layer_types: Array(4).fill("chunked_attention") }],
  ["layer_types", "qwen2", { layer_types: ["full_attention"] }],
  [
    "use_sliding_window",
    "qwen2",
    { layer_types: ["full_attention", "full_attention", "full_attention", "sliding_attention"] },
  ],
  ["layer_types", "mistral", { layer_types: ["full_attention"] }],
  ["no_rope_layers", "smollm3", { no_rope_layers: [1] }],
])("refuses by name: %s in %s with %j", (named, modelType, fields) => {
  expect(() => parse(modelType, fields)).toThrow(named);
});
