// config.json, parsed at the door. What the graph cannot express is refused by name here: a model that loads and
// answers wrongly is worse than one that does not load.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UnsupportedModelError } from "./model-errors.ts";

/** The facts of a decoder that its graph depends on. */
export interface DecoderConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** Divides numHeads; consecutive query heads share a K/V head. */
  readonly numKvHeads: number;
  /** Even. numHeads * headDim need not be hiddenSize. */
  readonly headDim: number;
  readonly rmsNormEpsilon: number;
  readonly ropeTheta: number;
  /** Positions the model was trained for. */
  readonly maxPositions: number;
  /** Whether the embedding is also the output projection. */
  readonly tiedEmbeddings: boolean;
}

const count = z.int().positive();

const ropeParameters = z.looseObject({
  rope_theta: z.number().positive().optional(),
  rope_type: z.string().optional(),
  type: z.string().optional(),
  partial_rotary_factor: z.number().optional(),
});

// Optional fields take the defaults of transformers' LlamaConfig, which leaves fields at their default out of the file.
const llamaConfig = z.looseObject({
  model_type: z.string(),
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  hidden_act: z.string().default("silu"),
  max_position_embeddings: count.default(2048),
  rms_norm_eps: z.number().positive().default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  rope_theta: z.number().positive().optional(),
  rope_scaling: ropeParameters.nullish(),
  rope_parameters: ropeParameters.nullish(),
  quantization_config: z.unknown().optional(),
});

const defaultRopeTheta = 10_000;

/** @throws UnsupportedModelError naming the first feature that the graph lacks. */
export function parseConfig(json: unknown): DecoderConfig {
  const parsed = llamaConfig.safeParse(json);
  if (!parsed.success) throw new UnsupportedModelError(`config.json: ${z.prettifyError(parsed.error)}`);
  const raw = parsed.data;

  if (raw.model_type !== "llama") refuse("model_type", raw.model_type);
  if (raw.hidden_act !== "silu") refuse("hidden_act", raw.hidden_act);
  if (raw.attention_bias) refuse("attention_bias", true);
  if (raw.mlp_bias) refuse("mlp_bias", true);
  if (raw.quantization_config !== undefined) refuse("quantization_config", raw.quantization_config);

  // transformers 5 writes rope_parameters; before, rope_theta stood alone beside rope_scaling.
  const rope = raw.rope_parameters ?? raw.rope_scaling ?? {};
  const ropeType = rope.rope_type ?? rope.type ?? "default";
  if (ropeType !== "default") refuse("rope_type", ropeType);
  if ((rope.partial_rotary_factor ?? 1) !== 1) refuse("partial_rotary_factor", rope.partial_rotary_factor);

  const numHeads = raw.num_attention_heads;
  const numKvHeads = raw.num_key_value_heads ?? numHeads;
  if (numHeads % numKvHeads !== 0) refuse("num_key_value_heads", numKvHeads);
  const headDim = raw.head_dim ?? raw.hidden_size / numHeads;
  if (headDim % 2 !== 0) refuse("head_dim", headDim);

  return {
    vocabSize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    numLayers: raw.num_hidden_layers,
    numHeads,
    numKvHeads,
    headDim,
    rmsNormEpsilon: raw.rms_norm_eps,
    ropeTheta: rope.rope_theta ?? raw.rope_theta ?? defaultRopeTheta,
    maxPositions: raw.max_position_embeddings,
    tiedEmbeddings: raw.tie_word_embeddings,
  };
}

export async function readConfig(modelDir: string): Promise<DecoderConfig> {
  return parseConfig(JSON.parse(await readFile(join(modelDir, "config.json"), "utf8")));
}

function refuse(field: string, value: unknown): never {
  throw new UnsupportedModelError(`config.json: ${field} = ${JSON.stringify(value)} is not supported`);
}
