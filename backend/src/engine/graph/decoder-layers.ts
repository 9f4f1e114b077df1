// The layers of a decoder, for any provider: Llama's shape, with what a family adds. Families are told apart by their
// features only (families/family.ts).
// Source: transformers modeling_llama.py; the operators of domain com.microsoft are onnxruntime's fused ones.
import type { DecoderConfig } from "./config.ts";
import { absent, float, int } from "./graph-builder.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";
import type { Linear } from "./linear.ts";
import { embeddingName, finalNormName, layerTensorNames, outputProjectionName } from "./tensor-names.ts";
import type { Weights } from "./weights.ts";

/** What a layer projects its tokens to. */
export interface Projections {
  readonly layer: number;
  readonly query: GraphValue; // [...lead, numTokens, numHeads * headDim], heads normalized, not rotated
  readonly key: GraphValue; // [...lead, numTokens, numKvHeads * headDim], heads normalized, not rotated
  readonly value: GraphValue; // [...lead, numTokens, numKvHeads * headDim]
}

/** What depends on the provider that the graph is for. */
export interface DecoderParts {
  readonly graph: GraphBuilder;
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly linear: Linear;
  /** Rotates and attends; returns the heads' outputs side by side: [...lead, numTokens, numHeads * headDim]. */
  readonly attend: (projections: Projections) => GraphValue;
  /** x * sigmoid(x) */
  readonly silu: (output: string, x: GraphValue) => GraphValue;
  /** Dimensions that the provider's operators want before the tokens': [1], or none. */
  readonly lead: readonly number[];
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
    const [plainQuery, plainKey, value] = linear.applyAll(
      [at("query.plain"), at("key.plain"), at("value")],
      [names.query, names.key, names.value],
      x,
    );
    const query = this.#normHeads(layer, "query", plainQuery);
    const key = this.#normHeads(layer, "key", plainKey);
    const attended = attend({ layer, query, key, value });
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

  /** Normalizes each head of `x` [...lead, numTokens, heads * headDim], where the family does. */
  #normHeads(layer: number, role: "query" | "key", x: GraphValue): GraphValue {
    const { graph, config, lead } = this.#parts;
    if (!config.queryKeyNorm) return x;
    const name = `layers.${layer}.${role}.normed`;
    const kept = [...lead, 0].map(() => 0);
    const heads = graph.node(`${name}.heads`, "Reshape", [x, graph.int64s(...kept, -1, config.headDim)]);
    const normed = this.#norm(`${name}.rows`, layerTensorNames(layer)[`${role}Norm`], heads);
    return graph.node(name, "Reshape", [normed, graph.int64s(...kept, -1)]);
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
    const { graph, config, weights } = this.#parts;
    return graph.node(output, "SimplifiedLayerNormalization", [x, weights.floats(tensorName)], {
      attributes: { axis: int(-1), epsilon: float(config.rmsNormEpsilon), stash_type: int(1) },
    });
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
