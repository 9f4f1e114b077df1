// A decoder for the CPU provider as one ONNX graph: token ids and the KV pool in, logits and the new K/V rows out.
import { Attention } from "./attention.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { DecoderLayers } from "./decoder-layers.ts";
import type { Projections } from "./decoder-layers.ts";
import { GraphBuilder, float, int } from "./graph-builder.ts";
import type { GraphValue } from "./graph-builder.ts";
import { Linear } from "./linear.ts";
import type { Precision } from "./linear.ts";
import type { MatrixGroup } from "./matrix-groups.ts";
import { addRopeTables, rotate } from "./rope.ts";
import { addStepInputs } from "./step-inputs.ts";
import { Weights } from "./weights.ts";

export interface DecoderShape {
  readonly precision: Precision;
  /** Tokens a KV block holds. */
  readonly blockSize: number;
  /** Rows of the position tables. */
  readonly maxModelLen: number;
  /** How quantized matrices are held; none for floats. */
  readonly groups: readonly MatrixGroup[];
}

export const logitsName = "logits"; // [1, numLogitRows, vocabSize]
/** As the last norm leaves them, of the rows wanted. */
export const hiddenStatesName = "hiddenStates"; // [1, numHiddenRows, hiddenSize]
/** K, then V of each layer in turn: [2 * numLayers, numTokens, numKvHeads * headDim]. */
export const newKeyValuesName = "newKeyValues";

/** Encodes the decoder whose weights `checkpoint` holds; quantized ones for a quantized precision. */
export function encodeDecoder(config: DecoderConfig, checkpoint: Checkpoint, shape: DecoderShape): Uint8Array {
  const graph = new GraphBuilder();
  const weights = new Weights(graph, checkpoint, "float32");
  const inputs = addStepInputs(graph, config, shape.blockSize);
  const attention = new Attention(graph, config, inputs);
  const tables = addRopeTables(graph, config, shape.maxModelLen, "float32");

  const place = (layer: number, role: "query" | "key", x: GraphValue): GraphValue => {
    if (config.layers[layer]?.rotates !== true) return x;
    const numHeads = role === "query" ? config.numHeads : config.numKvHeads;
    return rotate(graph, `layers.${layer}.${role}`, x, { config, numHeads, positions: inputs.positions, tables });
  };
  const newRows: GraphValue[] = [];
  const attend = ({ layer, query, key, value }: Projections): GraphValue => {
    const placedQuery = place(layer, "query", query);
    const placedKey = place(layer, "key", key);
    newRows.push(placedKey, value);
    return attention.apply({ layer, query: placedQuery, key: placedKey, value });
  };
  const layers = new DecoderLayers({
    graph,
    config,
    weights,
    linear: new Linear(graph, weights, shape.precision, config, shape.groups),
    attend,
    silu: (output, x) =>
      graph.node(output, "QuickGelu", [x], { domain: "com.microsoft", attributes: { alpha: float(1) } }),
    lead: [1],
  });

  const hidden = layers.addAll(inputs.tokenIds);
  const logits = layers.addLogits(logitsName, hidden, inputs.logitRows);
  const hiddenStates = layers.addNormed(hiddenStatesName, hidden, inputs.hiddenRows);
  const stacked = graph.node(newKeyValuesName, "Concat", newRows, { attributes: { axis: int(0) } });
  graph.output(logits, "float32", [1, "numLogitRows", config.vocabSize]);
  graph.output(hiddenStates, "float32", [1, "numHiddenRows", config.hiddenSize]);
  graph.output(stacked, "float32", [2 * config.numLayers, "numTokens", config.numKvHeads * config.headDim]);
  return graph.encode();
}
