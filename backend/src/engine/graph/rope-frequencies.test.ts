import { expect, test } from "vitest";
import { parseConfig } from "./config.ts";
import type { RopeConfig } from "./rope-config.ts";
import { rotationOf } from "./rope-frequencies.ts";

const longRope = {
  theta: 10_000,
  rotaryDim: 12,
  scaling: {
    kind: "longrope",
    shortFactors: [1, 1.1, 1.2, 1.3, 1.4, 1.5],
    longFactors: [1, 2, 4, 8, 16, 32],
    attentionFactor: 1.1902380714238083,
    originalMaxPositions: 4096,
  },
} as const satisfies RopeConfig;

const llama3 = {
  theta: 500_000,
  rotaryDim: 16,
  scaling: {
    kind: "llama3",
    factor: 32,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalMaxPositions: 8192,
  },
} as const satisfies RopeConfig;

/** YaRN as parsed from what transformers was given, with the base and the head size of the tests below. */
const yarn = (theta: number, fields: object): RopeConfig =>
  parseConfig({
    model_type: "qwen2",
    vocab_size: 100,
    hidden_size: 64,
    intermediate_size: 96,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 4,
    rope_parameters: { rope_type: "yarn", rope_theta: theta, ...fields },
  }).rope;

// Computed by transformers 5.18's ROPE_INIT_FUNCTIONS. Llama 3.2's own scaling; Phi-4-mini's lengths.
test.each<[string, RopeConfig, number, readonly number[]]>([
  [
    "llama3",
    llama3,
    131_072,
    [
      1, 0.193922758102417, 0.03760603070259094, 0.00729266507551074, 0.000429556705057621, 8.570255886297673e-6,
      1.6619674170215148e-6, 3.2229328894572973e-7,
    ],
  ],
  [
    "longrope within the original positions",
    longRope,
    4096,
    [1, 0.1958576887845993, 0.038679901510477066, 0.007692307699471712, 0.001538881566375494, 0.00030943931778892875],
  ],
  [
    "longrope beyond them",
    longRope,
    4097,
    [1, 0.1077217236161232, 0.011603971011936665, 0.0012499999720603228, 0.00013465214578900486, 1.4504967111861333e-5],
  ],
  [
    "yarn, as the cards of Qwen 2.5 and 3 have it",
    yarn(1e6, { factor: 4, original_max_position_embeddings: 32_768 }),
    131_072,
    [
      1, 0.17782793939113617, 0.03162277862429619, 0.004217559937387705, 0.0005000000237487257, 4.4456985051510856e-5,
      7.905693564680405e-6, 1.405853367941745e-6,
    ],
  ],
  [
    "yarn with ends of its own, not rounded",
    yarn(1e4, { factor: 8, original_max_position_embeddings: 512, beta_fast: 16, beta_slow: 2, truncate: false }),
    4096,
    [
      1, 0.3162277638912201, 0.07160846143960953, 0.007324998266994953, 0.0012499999720603228, 0.00039528473280370235,
      0.0001250000059371814, 3.9528473280370235e-5,
    ],
  ],
])("gives transformers' frequencies: %s", (_, rope, maxModelLen, expected) => {
  const { frequencies } = rotationOf(rope, maxModelLen);
  expect(frequencies.length).toBe(expected.length);
  for (const [pair, frequency] of frequencies.entries()) {
    expect(Math.abs(frequency / (expected[pair] ?? NaN) - 1)).toBeLessThan(3e-7);
  }
});

test("YaRN magnifies by its factor", () => {
  const rope = yarn(1e4, { factor: 8, original_max_position_embeddings: 512 });
  expect(rotationOf(rope, 10).magnitude).toBeCloseTo(1.2079441541679836, 12);
});

test("LongRoPE magnifies cosines and sines at any length, the others do not", () => {
  expect(rotationOf(longRope, 10).magnitude).toBe(longRope.scaling.attentionFactor);
  expect(rotationOf(llama3, 10).magnitude).toBe(1);
});
