// The angle per position of each rotated pair of dimensions. Source: transformers modeling_rope_utils.py.
import type { RopeConfig, RopeScaling } from "./rope-config.ts";

export interface Rotation {
  readonly frequencies: Float32Array; // [rotaryDim / 2], radians a position
  /** Factor on cosines and sines. */
  readonly magnitude: number;
}

/**
 * The rotation of a model that serves sequences of up to `maxModelLen` tokens.
 *
 * LongRoPE's choice of factors belongs to the model, not to a sequence: rotated keys stay in the cache, so a sequence that
 * grows past the original positions cannot change them, and shared blocks must mean the same to all. A model held within
 * its original positions uses the short factors, any longer one the long factors throughout, as vLLM does.
 */
export function rotationOf(rope: RopeConfig, maxModelLen: number): Rotation {
  const { theta, rotaryDim, scaling } = rope;
  const frequencies = Float32Array.from({ length: rotaryDim / 2 }, (_, pair) => {
    const wave = Math.fround(theta ** Math.fround((2 * pair) / rotaryDim));
    return scaled(wave, pair, scaling, maxModelLen);
  });
  return { frequencies, magnitude: "attentionFactor" in scaling ? scaling.attentionFactor : 1 };
}

/** The frequency of a pair whose unscaled one is 1 / `wave`. */
function scaled(wave: number, pair: number, scaling: RopeScaling, maxModelLen: number): number {
  switch (scaling.kind) {
    case "none":
      return Math.fround(1 / wave);
    case "llama3":
      return blendLlama3(Math.fround(1 / wave), scaling);
    case "longrope": {
      const isLong = maxModelLen > scaling.originalMaxPositions;
      const factors = isLong ? scaling.longFactors : scaling.shortFactors;
      return Math.fround(1 / Math.fround(Math.fround(factors[pair] ?? 1) * wave));
    }
    case "yarn":
      return blendYarn(wave, pair, scaling);
  }
}

function blendLlama3(frequency: number, scaling: RopeScaling & { readonly kind: "llama3" }): number {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < originalMaxPositions / highFrequencyFactor) return frequency;
  if (wavelength > originalMaxPositions / lowFrequencyFactor) return frequency / factor;
  const kept = (originalMaxPositions / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  return ((1 - kept) * frequency) / factor + kept * frequency;
}

function blendYarn(wave: number, pair: number, scaling: RopeScaling & { readonly kind: "yarn" }): number {
  const { factor, firstBlended, lastBlended } = scaling;
  // Of two equal ends, a step from one side to the other.
  const width = lastBlended === firstBlended ? 0.001 : lastBlended - firstBlended;
  const divided = Math.min(1, Math.max(0, (pair - firstBlended) / width));
  return Math.fround(divided / (factor * wave) + (1 - divided) / wave);
}
