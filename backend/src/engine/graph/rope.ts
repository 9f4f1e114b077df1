// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) as tables of cosines and sines, one row a position.
// Each step is rounded to float32 as PyTorch rounds it: at position 4000 the difference to exact angles is 1e-4.
import type { DecoderConfig } from "./config.ts";
import { int } from "./graph-builder.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";
import { rotationOf } from "./rope-frequencies.ts";

export interface RopeTables {
  readonly cos: GraphValue; // [maxModelLen, rotaryDim / 2]
  readonly sin: GraphValue; // [maxModelLen, rotaryDim / 2]
}

export function addRopeTables(
  graph: GraphBuilder,
  config: DecoderConfig,
  maxModelLen: number,
  floatType: "float32" | "float16",
): RopeTables {
  const { frequencies, magnitude } = rotationOf(config.rope, maxModelLen);
  const half = frequencies.length;
  const cos = new Float32Array(maxModelLen * half);
  const sin = new Float32Array(maxModelLen * half);
  for (const [pair, frequency] of frequencies.entries()) {
    for (let position = 0; position < maxModelLen; position++) {
      const angle = Math.fround(position * frequency);
      cos[position * half + pair] = Math.cos(angle) * magnitude;
      sin[position * half + pair] = Math.sin(angle) * magnitude;
    }
  }
  const dims = [maxModelLen, half];
  const table = (values: Float32Array) => (floatType === "float32" ? values : new Float16Array(values));
  return {
    cos: graph.inlineInitializer("rope.cos", floatType, dims, table(cos)),
    sin: graph.inlineInitializer("rope.sin", floatType, dims, table(sin)),
  };
}

/** Rotates each head of `x` [1, numTokens, heads * headDim] to its token's position. */
export function rotate(
  graph: GraphBuilder,
  name: string,
  x: GraphValue,
  { config, numHeads, positions, tables }: RotateOptions,
): GraphValue {
  const { headDim, rope } = config;
  const isPartial = rope.rotaryDim < headDim;
  return graph.node(name, "RotaryEmbedding", [x, positions, tables.cos, tables.sin], {
    domain: "com.microsoft",
    attributes: isPartial ? { rotary_embedding_dim: int(rope.rotaryDim), num_heads: int(numHeads) } : {},
  });
}

export interface RotateOptions {
  readonly config: DecoderConfig;
  /** Heads of `x`. */
  readonly numHeads: number;
  readonly positions: GraphValue; // [1, numTokens]
  readonly tables: RopeTables;
}
