// The contract between the paged graph and the WebGPU executor: what a step feeds.
import type { DecoderConfig } from "./config.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";

export interface PagedStepInputs {
  readonly tokenIds: GraphValue; // int32 [numTokens], sequence after sequence
  readonly positions: GraphValue; // int64 [1, numTokens]
  readonly logitRows: GraphValue; // int32 [numLogitRows], rows of tokenIds
  readonly inverseTemperatures: GraphValue; // float32 [numLogitRows, 1]
  readonly hiddenRows: GraphValue; // int32 [numHiddenRows], rows of tokenIds
  /** Where each sequence's tokens begin in `tokenIds`, and where the last one's end. */
  readonly cumulativeLengths: GraphValue; // int32 [numSequences + 1]
  /** Tokens of each sequence whose K and V lie in the pool already. */
  readonly pastLengths: GraphValue; // int32 [numSequences]
  readonly blockTable: GraphValue; // int32 [numSequences, mostBlocks]
  /**
   * Most new tokens of a sequence, and most tokens, past and new. On the CPU: without it each node would wait for the
   * device to tell. The kernel trusts it.
   */
  readonly bounds: GraphValue; // int32 [2]
  // The pool, resident on the device and written in place; per layer, float16.
  readonly keys: readonly GraphValue[]; // [numBlocks, blockSize, numKvHeads, headDim]
  readonly values: readonly GraphValue[];
}

export const pagedKeysName = (layer: number): string => `keys.${layer}`;
export const pagedValuesName = (layer: number): string => `values.${layer}`;

export function addPagedStepInputs(graph: GraphBuilder, config: DecoderConfig, blockSize: number): PagedStepInputs {
  const { numLayers, numKvHeads, headDim } = config;
  const layers = Array.from({ length: numLayers }, (_, layer) => layer);
  const pool = (name: string) => graph.input(name, "float16", ["numBlocks", blockSize, numKvHeads, headDim]);
  return {
    tokenIds: graph.input("tokenIds", "int32", ["numTokens"]),
    positions: graph.input("positions", "int64", [1, "numTokens"]),
    logitRows: graph.input("logitRows", "int32", ["numLogitRows"]),
    inverseTemperatures: graph.input("inverseTemperatures", "float32", ["numLogitRows", 1]),
    hiddenRows: graph.input("hiddenRows", "int32", ["numHiddenRows"]),
    cumulativeLengths: graph.input("cumulativeLengths", "int32", ["numSequencesAndOne"]),
    pastLengths: graph.input("pastLengths", "int32", ["numSequences"]),
    blockTable: graph.input("blockTable", "int32", ["numSequences", "mostBlocks"]),
    bounds: graph.input("bounds", "int32", [2]),
    keys: layers.map((layer) => pool(pagedKeysName(layer))),
    values: layers.map((layer) => pool(pagedValuesName(layer))),
  };
}
