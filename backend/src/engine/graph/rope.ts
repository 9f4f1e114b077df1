// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) as tables of cosines and sines, one row a position. Rows before
// those rotate by nothing, so that one node can rotate some heads and leave others as they are.
// Each step is rounded to float32 as PyTorch rounds it: at position 4000 the difference to exact angles is 1e-4.
import type { DecoderConfig } from "./config.ts";
import { int } from "./graph-builder.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";
import { rotationOf } from "./rope-frequencies.ts";

export interface RopeTables {
  readonly cos: GraphValue; // [firstPosition + maxModelLen, rotaryDim / 2]
  readonly sin: GraphValue; // [firstPosition + maxModelLen, rotaryDim / 2]
}

export interface TableShape {
  readonly maxModelLen: number;
  readonly floatType: "float32" | "float16";
  /** The row of position 0; those before it rotate by nothing. */
  readonly firstPosition: number;
}

export function addRopeTables(
  graph: GraphBuilder,
  config: DecoderConfig,
  { maxModelLen, floatType, firstPosition }: TableShape,
): RopeTables {
  const { frequencies, magnitude } = rotationOf(config.rope, maxModelLen);
  const half = frequencies.length;
  const numRows = firstPosition + maxModelLen;
  const cos = new Float32Array(numRows * half).fill(1, 0, firstPosition * half);
  const sin = new Float32Array(numRows * half);
  for (const [pair, frequency] of frequencies.entries()) {
    for (let position = 0; position < maxModelLen; position++) {
      const angle = Math.fround(position * frequency);
      const index = (firstPosition + position) * half + pair;
      cos[index] = Math.cos(angle) * magnitude;
      sin[index] = Math.sin(angle) * magnitude;
    }
  }
  const dims = [numRows, half];
  const table = (values: Float32Array) => (floatType === "float32" ? values : new Float16Array(values));
  return {
    cos: graph.inlineInitializer("rope.cos", floatType, dims, table(cos)),
    sin: graph.inlineInitializer("rope.sin", floatType, dims, table(sin)),
  };
}

/**
 * Rotates each head of `x` by the row of the tables that `positions` names: of `x` [1, numTokens, numHeads * headDim] and positions
 * [1, numTokens], or of `x` [batch, numHeads, length, headDim] and positions [batch, length].
 */
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
  readonly positions: GraphValue;
  readonly tables: RopeTables;
}
