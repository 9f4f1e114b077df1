// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) as tables of cosines and sines, one row a position.
// Each step is rounded to float32 as PyTorch rounds it: at position 4000 the difference to exact angles is 1e-4.
import type { DecoderConfig } from "./config.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";

export interface RopeTables {
  readonly cos: GraphValue; // [maxModelLen, headDim / 2]
  readonly sin: GraphValue; // [maxModelLen, headDim / 2]
}

export function addRopeTables(graph: GraphBuilder, config: DecoderConfig, maxModelLen: number): RopeTables {
  const half = config.headDim / 2;
  const cos = new Float32Array(maxModelLen * half);
  const sin = new Float32Array(maxModelLen * half);
  for (let pair = 0; pair < half; pair++) {
    const frequency = inverseFrequency(config, pair);
    for (let position = 0; position < maxModelLen; position++) {
      const angle = Math.fround(position * frequency);
      cos[position * half + pair] = Math.cos(angle);
      sin[position * half + pair] = Math.sin(angle);
    }
  }
  return {
    cos: graph.inlineInitializer("rope.cos", "float32", [maxModelLen, half], cos),
    sin: graph.inlineInitializer("rope.sin", "float32", [maxModelLen, half], sin),
  };
}

/** Rotates each head of `x` [1, numTokens, numHeads * headDim] to its token's position. */
export function rotate(
  graph: GraphBuilder,
  name: string,
  x: GraphValue,
  positions: GraphValue, // [1, numTokens]
  tables: RopeTables,
): GraphValue {
  return graph.node(name, "RotaryEmbedding", [x, positions, tables.cos, tables.sin], { domain: "com.microsoft" });
}

function inverseFrequency(config: DecoderConfig, pair: number): number {
  const exponent = Math.fround((2 * pair) / config.headDim);
  return Math.fround(1 / Math.fround(config.ropeTheta ** exponent));
}
