// A decoder as one ONNX graph: token ids and the KV pool in, logits and the new K/V rows out. Its shape is Llama's, with
// what a family adds; families are told apart by their features only (families/family.ts).
// Source: transformers modeling_llama.py; the operators of domain com.microsoft are onnxruntime's fused ones.
import { Attention } from "./attention.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { GraphBuilder, absent, float, int } from "./graph-builder.ts";
import type { GraphValue } from "./graph-builder.ts";
import { Linear } from "./linear.ts";
import type { Precision } from "./linear.ts";
import { addRopeTables, rotate } from "./rope.ts";
import type { RopeTables } from "./rope.ts";
import { addStepInputs } from "./step-inputs.ts";
import type { StepInputs } from "./step-inputs.ts";
import { embeddingName, finalNormName, layerTensorNames, outputProjectionName } from "./tensor-names.ts";
import { Weights } from "./weights.ts";

export interface DecoderShape {
  readonly precision: Precision;
  /** Tokens a KV block holds. */
  readonly blockSize: number;
  /** Rows of the position tables. */
  readonly maxModelLen: number;
}

export const logitsName = "logits"; // [1, numLogitRows, vocabSize]
/** K, then V of each layer in turn: [2 * numLayers, numTokens, numKvHeads * headDim]. */
export const newKeyValuesName = "newKeyValues";

/** Encodes the decoder whose weights `checkpoint` holds; quantized ones for a quantized precision. */
export function encodeDecoder(config: DecoderConfig, checkpoint: Checkpoint, shape: DecoderShape): Uint8Array {
  const graph = new GraphBuilder();
  const weights = new Weights(graph, checkpoint);
  const inputs = addStepInputs(graph, config, shape.blockSize);
  const layers = new LayerBuilder({
    graph,
    config,
    weights,
    inputs,
    linear: new Linear(graph, weights, shape.precision, config),
    attention: new Attention(graph, config, inputs),
    rope: addRopeTables(graph, config, shape.maxModelLen),
  });

  let hidden = weights.rows("embedding", embeddingName, inputs.tokenIds); // [1, numTokens, hiddenSize]
  const newRows: GraphValue[] = [];
  for (let layer = 0; layer < config.numLayers; layer++) {
    const output = layers.add(layer, hidden);
    hidden = output.hidden;
    newRows.push(output.key, output.value);
  }
  const logits = layers.addLogits(hidden);

  const stacked = graph.node(newKeyValuesName, "Concat", newRows, { attributes: { axis: int(0) } });
  graph.output(logits, "float32", [1, "numLogitRows", config.vocabSize]);
  graph.output(stacked, "float32", [2 * config.numLayers, "numTokens", config.numKvHeads * config.headDim]);
  return graph.encode();
}

interface Parts {
  readonly graph: GraphBuilder;
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly inputs: StepInputs;
  readonly linear: Linear;
  readonly attention: Attention;
  readonly rope: RopeTables;
}

interface LayerOutput {
  readonly hidden: GraphValue; // [1, numTokens, hiddenSize]
  readonly key: GraphValue; // [1, numTokens, numKvHeads * headDim], placed
  readonly value: GraphValue; // [1, numTokens, numKvHeads * headDim]
}

class LayerBuilder {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  add(layer: number, hidden: GraphValue): LayerOutput {
    const { linear, attention } = this.#parts;
    const names = layerTensorNames(layer);
    const at = (part: string) => `layers.${layer}.${part}`;

    const x = this.#norm(at("attentionNorm"), names.attentionNorm, hidden);
    const query = this.#place(layer, "query", linear.apply(at("query.plain"), names.query, x));
    const key = this.#place(layer, "key", linear.apply(at("key.plain"), names.key, x));
    const value = linear.apply(at("value"), names.value, x);
    const attended = attention.apply({ layer, query, key, value });
    const projected = linear.apply(at("attentionOutput"), names.attentionOutput, attended);

    const afterAttention = this.#addAndNorm(at("mlpNorm"), names.mlpNorm, hidden, projected);
    return { hidden: this.#mlp(layer, afterAttention), key, value };
  }

  /** Logits of the wanted rows only: the vocabulary makes this the widest product of all. */
  addLogits(hidden: GraphValue): GraphValue {
    const { graph, config, inputs, linear } = this.#parts;
    const wanted = graph.node("wantedRows", "Gather", [hidden, inputs.logitRows], { attributes: { axis: int(1) } });
    return linear.apply(logitsName, outputProjectionName(config), this.#norm("finalNorm", finalNormName, wanted));
  }

  /** Normalizes the heads of `x` [1, numTokens, heads * headDim] and rotates them to their positions, where the layer does. */
  #place(layer: number, role: "query" | "key", x: GraphValue): GraphValue {
    const { graph, config, inputs, rope } = this.#parts;
    const numHeads = role === "query" ? config.numHeads : config.numKvHeads;
    const normed = config.queryKeyNorm ? this.#normHeads(layer, role, x) : x;
    if (config.layers[layer]?.rotates !== true) return normed;
    const options = { config, numHeads, positions: inputs.positions, tables: rope };
    return rotate(graph, `layers.${layer}.${role}`, normed, options);
  }

  #normHeads(layer: number, role: "query" | "key", x: GraphValue): GraphValue {
    const { graph, config } = this.#parts;
    const name = `layers.${layer}.${role}.normed`;
    const heads = graph.node(`${name}.heads`, "Reshape", [x, graph.int64s(0, 0, -1, config.headDim)]);
    const normed = this.#norm(`${name}.rows`, layerTensorNames(layer)[`${role}Norm`], heads);
    return graph.node(name, "Reshape", [normed, graph.int64s(0, 0, -1)]);
  }

  #mlp(layer: number, { sum, normed }: { readonly sum: GraphValue; readonly normed: GraphValue }): GraphValue {
    const { graph, linear } = this.#parts;
    const names = layerTensorNames(layer);
    const at = (part: string) => `layers.${layer}.mlp.${part}`;
    const gate = linear.apply(at("gate"), names.gate, normed);
    const up = linear.apply(at("up"), names.up, normed);
    // x * sigmoid(1 * x), known as SiLU
    const activated = graph.node(at("activated"), "QuickGelu", [gate], {
      domain: "com.microsoft",
      attributes: { alpha: float(1) },
    });
    const down = linear.apply(at("down"), names.down, graph.node(at("product"), "Mul", [activated, up]));
    return graph.node(at("output"), "Add", [sum, down]);
  }

  #norm(output: string, tensorName: string, x: GraphValue): GraphValue {
    const { graph, config, weights } = this.#parts;
    return graph.node(output, "SimplifiedLayerNormalization", [x, weights.float32(tensorName)], {
      attributes: { axis: int(-1), epsilon: float(config.rmsNormEpsilon), stash_type: int(1) },
    });
  }

  #addAndNorm(output: string, tensorName: string, x: GraphValue, addend: GraphValue) {
    const { graph, config, weights } = this.#parts;
    const [normed, , , sum] = graph.nodeOfMany(
      [output, absent, absent, `${output}.sum`],
      "SkipSimplifiedLayerNormalization",
      [x, addend, weights.float32(tensorName)],
      { domain: "com.microsoft", attributes: { epsilon: float(config.rmsNormEpsilon) } },
    );
    return { normed, sum };
  }
}
