import type { ConfigFile, RopeParameters } from "./config-file.ts";
import { refuse } from "./refuse.ts";

export interface RopeConfig {
  readonly theta: number;
  /** Leading dimensions of a head that are rotated, even; the rest pass as they are. */
  readonly rotaryDim: number;
  readonly scaling: RopeScaling;
}

/** How frequencies are stretched beyond the positions a model was first trained on. */
export type RopeScaling =
  | { readonly kind: "none" }
  /** Llama 3.1: low frequencies are divided by `factor`, high ones kept, those between blended. */
  | {
      readonly kind: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalMaxPositions: number;
    }
  /**
   * LongRoPE (Ding et al. 2024, arXiv:2402.13753): a divisor per frequency, from one list for sequences within the
   * original positions and from another for longer ones, and a factor on cosines and sines alike.
   */
  | {
      readonly kind: "longrope";
      readonly shortFactors: readonly number[]; // [rotaryDim / 2]
      readonly longFactors: readonly number[]; // [rotaryDim / 2]
      readonly attentionFactor: number;
      readonly originalMaxPositions: number;
    }
  /**
   * YaRN (Peng et al. 2023, arXiv:2309.00071): of the pairs in order, those before `firstBlended` are kept, those from
   * `lastBlended` on divided by `factor`, and those between blended; and a factor on cosines and sines alike.
   */
  | {
      readonly kind: "yarn";
      readonly factor: number;
      readonly firstBlended: number;
      readonly lastBlended: number;
      readonly attentionFactor: number;
    };

const defaultTheta = 10_000;

/** @throws UnsupportedModelError on a kind of scaling that is not listed above, naming it. */
export function parseRope(file: ConfigFile, headDim: number, partialRotary: boolean): RopeConfig {
  // transformers 5 writes rope_parameters; before, rope_theta stood alone beside rope_scaling.
  const rope = file.rope_parameters ?? file.rope_scaling ?? {};
  const nested = Object.keys(rope).find((key) => key.endsWith("_attention"));
  if (nested !== undefined) refuse("rope_parameters", nested, "is not supported: one rotation per layer type");

  const partialFactor = rope.partial_rotary_factor ?? file.partial_rotary_factor ?? 1;
  if (partialFactor !== 1 && !partialRotary) refuse("partial_rotary_factor", partialFactor);
  const rotaryDim = Math.trunc(headDim * partialFactor);
  if (rotaryDim % 2 !== 0) refuse("partial_rotary_factor", partialFactor);
  const theta = rope.rope_theta ?? file.rope_theta ?? defaultTheta;
  return { theta, rotaryDim, scaling: parseScaling(rope, file, rotaryDim, theta) };
}

/**
 * Positions that a model is made for. With YaRN that is the original length times the factor: its users are told to add the
 * scaling to config.json and nothing else, so max_position_embeddings is often still the length without it.
 */
export function maxPositionsOf(file: ConfigFile): number {
  const rope = file.rope_parameters ?? file.rope_scaling ?? {};
  const { original_max_position_embeddings: original, factor } = rope;
  if (typeOf(rope) !== "yarn" || typeof factor !== "number" || original === undefined) {
    return file.max_position_embeddings;
  }
  return Math.max(file.max_position_embeddings, Math.floor(original * factor));
}

function typeOf(rope: RopeParameters): string {
  return rope.rope_type ?? rope.type ?? "default";
}

function parseScaling(rope: RopeParameters, file: ConfigFile, rotaryDim: number, theta: number): RopeScaling {
  const type = typeOf(rope);
  switch (type) {
    case "default":
      return { kind: "none" };
    case "llama3":
      return {
        kind: "llama3",
        factor: needed("factor", rope.factor),
        lowFrequencyFactor: needed("low_freq_factor", rope.low_freq_factor),
        highFrequencyFactor: needed("high_freq_factor", rope.high_freq_factor),
        originalMaxPositions: needed("original_max_position_embeddings", rope.original_max_position_embeddings),
      };
    // Phi 3 called it "su" when it was new.
    case "longrope":
    case "su":
      return parseLongRope(rope, file, rotaryDim);
    case "yarn":
      return parseYarn(rope, file, rotaryDim, theta);
    default:
      return refuse("rope_type", type);
  }
}

function parseLongRope(rope: RopeParameters, file: ConfigFile, rotaryDim: number): RopeScaling {
  const originalMaxPositions = needed(
    "original_max_position_embeddings",
    rope.original_max_position_embeddings ?? file.original_max_position_embeddings,
  );
  const shortFactors = needed("short_factor", rope.short_factor);
  const longFactors = needed("long_factor", rope.long_factor);
  for (const { length } of [shortFactors, longFactors]) {
    if (length !== rotaryDim / 2)
      refuse("short_factor, long_factor", length, `factors do not fit ${rotaryDim / 2} frequencies`);
  }
  const factor = rope.factor ?? file.max_position_embeddings / originalMaxPositions;
  const implied = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalMaxPositions));
  return {
    kind: "longrope",
    shortFactors,
    longFactors,
    attentionFactor: rope.attention_factor ?? implied,
    originalMaxPositions,
  };
}

function parseYarn(rope: RopeParameters, file: ConfigFile, rotaryDim: number, theta: number): RopeScaling {
  const originalMaxPositions = needed("original_max_position_embeddings", rope.original_max_position_embeddings);
  const factor = rope.factor ?? file.max_position_embeddings / originalMaxPositions;
  // Where a pair makes so many turns within the original positions.
  const pairOf = (numTurns: number): number =>
    (rotaryDim * Math.log(originalMaxPositions / (numTurns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairOf(rope.beta_fast || 32), pairOf(rope.beta_slow || 1)];
  const isWhole = rope.truncate !== false;
  return {
    kind: "yarn",
    factor,
    firstBlended: Math.max(isWhole ? Math.floor(first) : first, 0),
    lastBlended: Math.min(isWhole ? Math.ceil(last) : last, rotaryDim - 1),
    attentionFactor: rope.attention_factor ?? impliedYarnFactor(factor, rope),
  };
}

function impliedYarnFactor(factor: number, { mscale, mscale_all_dim: mscaleAllDim }: RopeParameters): number {
  const magnitude = (scale: number): number => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  return mscale && mscaleAllDim ? magnitude(mscale) / magnitude(mscaleAllDim) : magnitude(1);
}

function needed<T>(field: string, value: T | null | undefined): T {
  return value ?? refuse(`rope_parameters.${field}`, value ?? null, "is needed by its rope_type");
}
