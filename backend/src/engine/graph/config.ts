// config.json, parsed at the door. What the graph cannot express is refused by name here: a model that loads and
// answers wrongly is worse than one that does not load.
import { join } from "node:path";
import { z } from "zod";
import { configFile } from "./config-file.ts";
import type { ConfigFile } from "./config-file.ts";
import type { FamilyFeatures } from "./families/family.ts";
import { findFamily } from "./families/find-family.ts";
import { CheckpointError, UnsupportedModelError } from "./model-errors.ts";
import { readJson } from "./read-json.ts";
import { refuse } from "./refuse.ts";
import { maxPositionsOf, parseRope } from "./rope-config.ts";
import type { RopeConfig } from "./rope-config.ts";

/** The facts of a decoder that its graph depends on. */
export interface DecoderConfig extends Omit<FamilyFeatures, "partialRotary"> {
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
  readonly rope: RopeConfig;
  /** Positions the model was trained for. */
  readonly maxPositions: number;
  /** Whether the embedding is also the output projection. */
  readonly tiedEmbeddings: boolean;
}

// Optional fields take the defaults of the family's config class in transformers, which leaves fields at their default out
// of the file. These are LlamaConfig's; a family names where its own differ.
const llamaDefaults = {
  hidden_act: "silu",
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: false,
} as const satisfies Partial<ConfigFile>;

const quantizationSchema = z.looseObject({ quant_method: z.string() });
const typed = z.looseObject({ model_type: z.string() });

/** @throws UnsupportedModelError naming the first feature that the graph lacks. */
export function parseConfig(json: unknown): DecoderConfig {
  const { model_type: modelType, ...fields } = parse(typed, json);
  const family = findFamily(modelType);
  const written = parse(configFile, { ...llamaDefaults, ...family.defaults, ...fields });
  const file = { ...written, max_position_embeddings: maxPositionsOf(written) };
  if (file.hidden_act !== "silu") refuse("hidden_act", file.hidden_act);
  refuseQuantized(file.quantization_config ?? undefined);

  const numHeads = file.num_attention_heads;
  const numKvHeads = file.num_key_value_heads ?? numHeads;
  if (numHeads % numKvHeads !== 0) refuse("num_key_value_heads", numKvHeads);
  const headDim = file.head_dim ?? file.hidden_size / numHeads;
  if (headDim % 2 !== 0) refuse("head_dim", headDim);
  const { partialRotary, ...features } = family.describe(file);

  return {
    ...features,
    vocabSize: file.vocab_size,
    hiddenSize: file.hidden_size,
    intermediateSize: file.intermediate_size,
    numLayers: file.num_hidden_layers,
    numHeads,
    numKvHeads,
    headDim,
    rmsNormEpsilon: file.rms_norm_eps,
    rope: parseRope(file, headDim, partialRotary),
    maxPositions: file.max_position_embeddings,
    tiedEmbeddings: file.tie_word_embeddings,
  };
}

/** @throws CheckpointError when there is no config.json, or it is not JSON; as `parseConfig` otherwise. */
export async function readConfig(modelDir: string): Promise<DecoderConfig> {
  const json = await readJson(join(modelDir, "config.json"));
  if (json !== undefined) return parseConfig(json);
  throw new CheckpointError(`${modelDir}: no config.json; name the directory of a Hugging Face checkpoint`);
}

/** GPTQ, AWQ, FP8 and their like keep numbers that mean nothing without their method. */
function refuseQuantized(quantization: unknown): void {
  if (quantization === undefined) return;
  const method = quantizationSchema.safeParse(quantization).data?.quant_method ?? "unknown";
  const advice = "is not supported: take the checkpoint that it was made from; int8 and int4 are quantized here";
  refuse("quantization_config.quant_method", method, advice);
}

function parse<Schema extends z.ZodType>(schema: Schema, json: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UnsupportedModelError(`config.json: ${issue?.path.join(".") || "all of it"}: ${issue?.message}`);
}
