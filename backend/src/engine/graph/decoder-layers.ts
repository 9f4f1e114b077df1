// The layers of a decoder, for any provider: Llama's shape, with what a family adds. Families are told apart by their
// features only (families/family.ts).
// Source: transformers modeling_llama.py; the operators of domain com.microsoft are onnxruntime's fused ones.
import type { DecoderConfig } from "./config.ts";
import { absent, float, int } from "./graph-builder.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";
import type { Linear } from "./linear.ts";
import { normalize } from "./rms-norm.ts";
import { embeddingName, finalNormName, layerTensorNames, outputProjectionName } from "./tensor-names.ts";
import type { Weights } from "./weights.ts";

/** What depends on the provider that the graph is for. */
export interface DecoderParts {
  readonly graph: GraphBuilder;
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly linear: Linear;
  /**
   * Projects a layer's normalized hidden states [...lead, numTokens, hiddenSize] to heads, rotates and attends; returns the
   * heads' outputs side by side: [...lead, numTokens, numHeads * headDim].
   */
  readonly attend: (layer: number, x: GraphValue) => GraphValue;
  /** x * sigmoid(x) */
  readonly silu: (output: string, x: GraphValue) => GraphValue;
}

/** Hidden states to which the last product is not yet added: one operator adds and normalizes. */
interface Sum {
  readonly sum: GraphValue;
  readonly addend?: GraphValue;
}

export class DecoderLayers {
  readonly #parts: DecoderParts;

  constructor(parts: DecoderParts) {
    this.#parts = parts;
  }

  /** All layers: the hidden states [...lead, numTokens, hiddenSize] of `tokenIds` [...lead, numTokens]. */
  addAll(tokenIds: GraphValue): GraphValue {
    const { graph, config, weights } = this.#parts;
    let hidden: Sum = { sum: weights.rows("embedding", embeddingName, tokenIds) };
    for (let layer = 0; layer < config.numLayers; layer++) hidden = this.#add(layer, hidden);
    return hidden.addend === undefined ? hidden.sum : graph.node("hidden", "Add", [hidden.sum, hidden.addend]);
  }

  #add(layer: number, hidden: Sum): Sum {
    const { linear, attend } = this.#parts;
    const names = layerTensorNames(layer);
    const at = (part: string) => `layers.${layer}.${part}`;

    const { normed: x, sum } = this.#addAndNorm(at("attentionNorm"), names.attentionNorm, hidden);
    const attended = attend(layer, x);
    const projected = linear.apply(at("attentionOutput"), names.attentionOutput, attended);

    const afterAttention = this.#addAndNorm(at("mlpNorm"), names.mlpNorm, { sum, addend: projected });
    return { sum: afterAttention.sum, addend: this.#mlp(layer, afterAttention.normed) };
  }

  /** Logits of the rows `logitRows` [numLogitRows] of `hidden` only: the vocabulary makes this the widest product of all. */
  addLogits(output: string, hidden: GraphValue, logitRows: GraphValue): GraphValue {
    const { config, linear } = this.#parts;
    const normed = this.addNormed(`${output}.hidden`, hidden, logitRows);
    return linear.apply(output, outputProjectionName(config), normed);
  }

  /** The rows `rows` [numRows] of `hidden` after the last norm. */
  addNormed(output: string, hidden: GraphValue, rows: GraphValue): GraphValue {
    const wanted = this.#parts.graph.node(`${output}.rows`, "Gather", [hidden, rows], {
      attributes: { axis: int(-2) },
    });
    return this.#norm(output, finalNormName, wanted);
  }

  #mlp(layer: number, normed: GraphValue): GraphValue {
    const { graph, linear, silu } = this.#parts;
    const names = layerTensorNames(layer);
    const at = (part: string) => `layers.${layer}.mlp.${part}`;
    const [gate, up] = linear.applyAll([at("gate"), at("up")], [names.gate, names.up], normed);
    const activated = silu(at("activated"), gate);
    return linear.apply(at("down"), names.down, graph.node(at("product"), "Mul", [activated, up]));
  }

  #norm(output: string, tensorName: string, x: GraphValue): GraphValue {
    return normalize(this.#parts, output, tensorName, x);
  }

  #addAndNorm(output: string, tensorName: string, { sum: x, addend }: Sum) {
    const { graph, config, weights } = this.#parts;
    if (addend === undefined) return { normed: this.#norm(output, tensorName, x), sum: x };
    const [normed, , , sum] = graph.nodeOfMany(
      [output, absent, absent, `${output}.sum`],
      "SkipSimplifiedLayerNormalization",
      [x, addend, weights.floats(tensorName)],
      { domain: "com.microsoft", attributes: { epsilon: float(config.rmsNormEpsilon) } },
    );
    return { normed, sum };
  }
}
