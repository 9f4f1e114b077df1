import type { DecoderConfig } from "./config.ts";
import { float, int } from "./graph-builder.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";
import type { Weights } from "./weights.ts";

export interface NormParts {
  readonly graph: GraphBuilder;
  readonly config: DecoderConfig;
  readonly weights: Weights;
}

/** RMSNorm (Zhang and Sennrich 2019, arXiv:1910.07467) of `x` along its last dimension, by the weights `tensorName`. */
export function normalize(
  { graph, config, weights }: NormParts,
  output: string,
  tensorName: string,
  x: GraphValue,
): GraphValue {
  return graph.node(output, "SimplifiedLayerNormalization", [x, weights.floats(tensorName)], {
    attributes: { axis: int(-1), epsilon: float(config.rmsNormEpsilon), stash_type: int(1) },
  });
}
