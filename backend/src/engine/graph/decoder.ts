// A decoder for the CPU provider as one ONNX graph: token ids and the KV pool in, logits and the new K/V rows out.
import { AttentionHeads } from "./attention-heads.ts";
import { Attention } from "./attention.ts";
import { candidateIdsName, candidateLogitsName } from "./candidate-outputs.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { DecoderLayers } from "./decoder-layers.ts";
import { GraphBuilder, float, int } from "./graph-builder.ts";
import type { GraphValue } from "./graph-builder.ts";
import { Linear } from "./linear.ts";
import type { Precision } from "./linear.ts";
import type { MatrixGroup } from "./matrix-groups.ts";
import { addRopeTables } from "./rope.ts";
import { addStepInputs, firstRopePosition } from "./step-inputs.ts";
import type { TileShape } from "./step-inputs.ts";
import { Weights } from "./weights.ts";

export interface DecoderShape extends TileShape {
  readonly precision: Precision;
  /** Rows of the position tables. */
  readonly maxModelLen: number;
  /** How quantized matrices are held; none for floats. */
  readonly groups: readonly MatrixGroup[];
}

export const logitsName = "logits"; // [1, numShipped, vocabSize]
/** As the last norm leaves them, of the rows wanted. */
export const hiddenStatesName = "hiddenStates"; // [1, numHiddenRows, hiddenSize]
/** K, then V of each layer in turn, of all tokens: [2 * numLayers * numTokens, numKvHeads, 1, headDim]. */
export const newKeyValuesName = "newKeyValues";

/** Encodes the decoder whose weights `checkpoint` holds; quantized ones for a quantized precision. */
export function encodeDecoder(config: DecoderConfig, checkpoint: Checkpoint, shape: DecoderShape): Uint8Array {
  const graph = new GraphBuilder();
  const weights = new Weights(graph, checkpoint, "float32");
  const inputs = addStepInputs(graph, config, shape);
  const linear = new Linear(graph, weights, shape.precision, config, shape.groups);
  const tables = addRopeTables(graph, config, {
    maxModelLen: shape.maxModelLen,
    floatType: "float32",
    firstPosition: firstRopePosition,
  });
  const heads = new AttentionHeads({ graph, config, weights, linear, positions: inputs.positions, tables });
  const attention = new Attention(graph, config, inputs, shape.tileSize);

  const newRows: GraphValue[] = [];
  const attend = (layer: number, x: GraphValue): GraphValue => {
    const projected = heads.project(layer, x);
    newRows.push(projected.key, projected.value);
    return attention.apply(layer, projected);
  };
  const layers = new DecoderLayers({
    graph,
    config,
    weights,
    linear,
    attend,
    silu: (output, x) =>
      graph.node(output, "QuickGelu", [x], { domain: "com.microsoft", attributes: { alpha: float(1) } }),
  });

  const hidden = layers.addAll(inputs.tokenIds);
  const allLogits = layers.addLogits("allLogits", hidden, inputs.logitRows);
  const logits = graph.node(logitsName, "Gather", [allLogits, inputs.shippedLogits], { attributes: { axis: int(1) } });
  addCandidates(graph, config, allLogits, inputs.hasCandidates);
  const hiddenStates = layers.addNormed(hiddenStatesName, hidden, inputs.hiddenRows);
  const stacked = graph.node(newKeyValuesName, "Concat", newRows, { attributes: { axis: int(0) } });
  graph.output(logits, "float32", [1, "numShipped", config.vocabSize]);
  graph.output(hiddenStates, "float32", [1, "numHiddenRows", config.hiddenSize]);
  graph.output(stacked, "float32", ["numNewRows", config.numKvHeads, 1, config.headDim]);
  return graph.encode();
}

/** More cost no more, and serve top-k sampling too. */
const mostCandidates = 16;

export function numCandidates({ vocabSize }: DecoderConfig): number {
  return Math.min(mostCandidates, vocabSize);
}

/** Of all rows or of none: logits that nobody needs to see stay in the graph, where they cost no copy. */
function addCandidates(graph: GraphBuilder, config: DecoderConfig, logits: GraphValue, wanted: GraphValue): void {
  const count = numCandidates(config);
  const none = { ids: new BigInt64Array(0), logits: new Float32Array(0) };
  const dims = [1, "numCandidateRows", count];
  const [ids, values] = graph.either([candidateIdsName, candidateLogitsName], wanted, {
    whenTrue: () => {
      const inputs = [logits, graph.int64s(count)];
      const names = ["candidates.logits", "candidates.ids"] as const;
      const [top, topIds] = graph.nodeOfMany(names, "TopK", inputs, { attributes: { axis: int(-1) } });
      return [topIds, top];
    },
    whenFalse: () => [
      graph.node("candidates.noIds", "Identity", [graph.inlineInitializer("noIds", "int64", [1, 0, count], none.ids)]),
      graph.node("candidates.noLogits", "Identity", [
        graph.inlineInitializer("noLogits", "float32", [1, 0, count], none.logits),
      ]),
    ],
    types: [
      { type: "int64", dims },
      { type: "float32", dims },
    ],
  });
  graph.output(ids, "int64", dims);
  graph.output(values, "float32", dims);
}
