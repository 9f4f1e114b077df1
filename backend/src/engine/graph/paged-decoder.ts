// A decoder for the WebGPU provider as one ONNX graph: token ids in, logits out, all in float16, the KV pool updated in place.
// Rows are matrices without a leading dimension of one, as PagedAttention and Gemm want them.
import { candidateIdsName, candidateLogitsName } from "./candidate-outputs.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { DecoderLayers } from "./decoder-layers.ts";
import { GraphBuilder, int } from "./graph-builder.ts";
import type { GraphValue } from "./graph-builder.ts";
import { Linear } from "./linear.ts";
import type { DevicePrecision } from "./linear.ts";
import { elementTypes } from "./onnx-model.ts";
import { PagedAttention } from "./paged-attention.ts";
import { addPagedStepInputs } from "./paged-step-inputs.ts";
import { addRopeTables } from "./rope.ts";
import { Weights } from "./weights.ts";

export interface PagedDecoderShape {
  readonly precision: DevicePrecision;
  /** Tokens a KV block holds. */
  readonly blockSize: number;
  /** Rows of the position tables. */
  readonly maxModelLen: number;
}

export const logitsName = "logits"; // float32 [numLogitRows, vocabSize], to stay on the device
/** Sum over the vocabulary of exp((logit - largest) * inverse temperature of the row). */
export const totalWeightsName = "totalWeights"; // float32 [numLogitRows, 1]
/** As the last norm leaves them, of the rows wanted. */
export const pagedHiddenStatesName = "hiddenStates"; // float32 [numHiddenRows, hiddenSize]
/** Sums over the last layer's output: finite where every number of the token's row is, in all layers. */
export const rowSumsName = "rowSums"; // float32 [numTokens]

/** Encodes the decoder whose weights `checkpoint` holds; quantized ones for a quantized precision. */
export function encodePagedDecoder(
  config: DecoderConfig,
  checkpoint: Checkpoint,
  shape: PagedDecoderShape,
): Uint8Array {
  const graph = new GraphBuilder();
  const weights = new Weights(graph, checkpoint, "float16");
  const inputs = addPagedStepInputs(graph, config, shape.blockSize);
  const linear = new Linear(graph, weights, shape.precision, config);
  const rope = addRopeTables(graph, config, { maxModelLen: shape.maxModelLen, floatType: "float16", firstPosition: 0 });
  const attention = new PagedAttention({ graph, config, weights, linear, inputs, rope });
  const layers = new DecoderLayers({
    graph,
    config,
    weights,
    linear,
    attend: (layer, x) => attention.apply(layer, x),
    // In the form that the provider fuses with the two products before it.
    silu: (output, x) => {
      const gate = graph.node(`${output}.gate`, "Sigmoid", [x]);
      return graph.node(output, "Mul", [x, gate]);
    },
  });

  const hidden = layers.addAll(inputs.tokenIds);
  const logits = layers.addLogits(`${logitsName}.float16`, hidden, inputs.logitRows);
  const wide = castToFloat32(graph, logitsName, logits);
  graph.output(wide, "float32", ["numLogitRows", config.vocabSize]);
  addCandidates(graph, config, wide, inputs.inverseTemperatures);
  graph.output(sumRows(graph, hidden), "float32", ["numTokens"]);
  const normed = layers.addNormed(`${pagedHiddenStatesName}.float16`, hidden, inputs.hiddenRows);
  graph.output(castToFloat32(graph, pagedHiddenStatesName, normed), "float32", ["numHiddenRows", config.hiddenSize]);
  return graph.encode();
}

/** A nucleus of .95 rarely holds more; more would cost the device little, and the transfer more. */
const mostCandidates = 64;

export function numCandidates({ vocabSize }: DecoderConfig): number {
  return Math.min(mostCandidates, vocabSize);
}

function addCandidates(
  graph: GraphBuilder,
  config: DecoderConfig,
  logits: GraphValue,
  inverseTemperatures: GraphValue,
): void {
  const count = numCandidates(config);
  const axis = graph.int64s(-1);
  const [values, ids] = graph.nodeOfMany(
    [candidateLogitsName, candidateIdsName],
    "TopK",
    [logits, graph.int64s(count)],
    {
      attributes: { axis: int(-1) },
    },
  );
  const largest = graph.node("largestLogits", "Gather", [values, graph.int64s(0)], { attributes: { axis: int(-1) } });
  const below = graph.node("logitsBelow", "Sub", [logits, largest]);
  const weights = graph.node("weights", "Exp", [graph.node("exponents", "Mul", [below, inverseTemperatures])]);
  const total = graph.node(totalWeightsName, "ReduceSum", [weights, axis], { attributes: { keepdims: int(1) } });
  graph.output(values, "float32", ["numLogitRows", count]);
  graph.output(ids, "int64", ["numLogitRows", count]);
  graph.output(total, "float32", ["numLogitRows", 1]);
}

function sumRows(graph: GraphBuilder, hidden: GraphValue): GraphValue {
  // In float32 no sum of float16 numbers overflows by itself.
  const wide = castToFloat32(graph, `${rowSumsName}.terms`, hidden);
  return graph.node(rowSumsName, "ReduceSum", [wide, graph.int64s(-1)], { attributes: { keepdims: int(0) } });
}

function castToFloat32(graph: GraphBuilder, output: string, x: GraphValue): GraphValue {
  return graph.node(output, "Cast", [x], { attributes: { to: int(elementTypes.float32) } });
}
