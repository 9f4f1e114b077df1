import { z } from "zod";

const count = z.int().positive();
/** Far more than any model has: lists of this length are made before anything else can be wrong with them. */
const mostLayers = 1024;

// Flat, as every supported family has it; some others nest one such object per layer type.
const ropeParameters = z.looseObject({
  rope_theta: z.number().positive().optional(),
  rope_type: z.string().optional(),
  /** What rope_type was called before. */
  type: z.string().optional(),
  partial_rotary_factor: z.number().positive().max(1).optional(),
  factor: z.number().positive().nullish(),
  low_freq_factor: z.number().positive().optional(),
  high_freq_factor: z.number().positive().optional(),
  original_max_position_embeddings: count.optional(),
  short_factor: z.array(z.number().positive()).optional(),
  long_factor: z.array(z.number().positive()).optional(),
  attention_factor: z.number().positive().nullish(),
  beta_fast: z.number().positive().nullish(),
  beta_slow: z.number().positive().nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  truncate: z.boolean().nullish(),
});

/** The fields of config.json that any family reads. What a file leaves out takes its family's default. */
export const configFile = z.looseObject({
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count.max(mostLayers),
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  hidden_act: z.string(),
  max_position_embeddings: count,
  rms_norm_eps: z.number().positive(),
  tie_word_embeddings: z.boolean(),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  sliding_window: count.nullish(),
  use_sliding_window: z.boolean().nullish(),
  max_window_layers: z.int().nonnegative().nullish(),
  layer_types: z.array(z.string()).nullish(),
  no_rope_layers: z.array(z.int()).nullish(),
  no_rope_layer_interval: count.optional(),
  original_max_position_embeddings: count.nullish(),
  partial_rotary_factor: z.number().positive().max(1).nullish(),
  rope_theta: z.number().positive().optional(),
  rope_scaling: ropeParameters.nullish(),
  rope_parameters: ropeParameters.nullish(),
  quantization_config: z.unknown().optional(),
});

export type ConfigFile = z.infer<typeof configFile>;
export type RopeParameters = z.infer<typeof ropeParameters>;
