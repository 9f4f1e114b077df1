// A decoder for the WebGPU provider as one ONNX graph: token ids in, logits out, all in float16, the KV pool updated in place.
// Rows are matrices without a leading dimension of one, as PagedAttention and Gemm want them.
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

export const logitsName = "logits"; // float32 [numLogitRows, vocabSize]
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
  const attention = new PagedAttention(
    graph,
    config,
    inputs,
    addRopeTables(graph, config, shape.maxModelLen, "float16"),
  );
  const layers = new DecoderLayers({
    graph,
    config,
    weights,
    linear: new Linear(graph, weights, shape.precision, config),
    attend: (projections) => attention.apply(projections),
    // In the form that the provider fuses with the two products before it.
    silu: (output, x) => {
      const gate = graph.node(`${output}.gate`, "Sigmoid", [x]);
      return graph.node(output, "Mul", [x, gate]);
    },
    lead: [],
  });

  const hidden = layers.addAll(inputs.tokenIds);
  const logits = layers.addLogits(`${logitsName}.float16`, hidden, inputs.logitRows);
  graph.output(castToFloat32(graph, logitsName, logits), "float32", ["numLogitRows", config.vocabSize]);
  graph.output(sumRows(graph, hidden), "float32", ["numTokens"]);
  return graph.encode();
}

function sumRows(graph: GraphBuilder, hidden: GraphValue): GraphValue {
  // In float32 no sum of float16 numbers overflows by itself.
  const wide = castToFloat32(graph, `${rowSumsName}.terms`, hidden);
  return graph.node(rowSumsName, "ReduceSum", [wide, graph.int64s(-1)], { attributes: { keepdims: int(0) } });
}

function castToFloat32(graph: GraphBuilder, output: string, x: GraphValue): GraphValue {
  return graph.node(output, "Cast", [x], { attributes: { to: int(elementTypes.float32) } });
}
