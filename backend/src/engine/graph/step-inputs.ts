// The contract between the graph and the executor: what a step feeds, in shapes. Lower-case dimensions of the same name
// are equal within a step. How attention uses the tiles is told in attention.ts; blocksPerTile is tileSize / blockSize.
import type { DecoderConfig } from "./config.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";

/** Query rows of one tile are padded to this many per K/V head: with a single row the products take another kernel. */
const minQueriesPerTile = 2;

/** Rows of the query matrix that meets one block in place: a token's query heads of one K/V head. */
export function queriesInPlace(config: DecoderConfig): number {
  return Math.max(minQueriesPerTile, config.numHeads / config.numKvHeads);
}

/**
 * The different attention windows of a model's layers; absent means no window. Each has masks of its own.
 */
export function distinctWindows(config: DecoderConfig): readonly (number | undefined)[] {
  return [...new Set(config.layers.map(({ window }) => window))];
}

export const inPlaceMaskName = (window: number | undefined): string => maskName("inPlaceMask", window);
export const gatheredMaskName = (window: number | undefined): string => maskName("gatheredMask", window);

function maskName(name: string, window: number | undefined): string {
  return window === undefined ? name : `${name}.window.${window}`;
}

export const keysInputName = (layer: number): string => `keys.${layer}`;
export const valuesInputName = (layer: number): string => `values.${layer}`;

/** Added to a score that must not count: far below any real one, yet finite, so that no NaN can arise. */
export const maskedScore = -1e30;

/** Row of position 0 in the tables of cosines and sines; the row before it leaves values as they are. */
export const firstRopePosition = 1;

/** Heads that are projected for each K/V head: its group's queries, its key and its value. */
export function headsPerKvHead({ numHeads, numKvHeads }: DecoderConfig): number {
  return numHeads / numKvHeads + 2;
}

export interface TileShape {
  /** Tokens of a KV block. */
  readonly blockSize: number;
  /** Tokens that attention takes together, in whole blocks. */
  readonly tileSize: number;
}

export interface StepInputs {
  readonly tokenIds: GraphValue; // int32 [1, numTokens]
  readonly positions: GraphValue; // int64 [numTokens, headsPerKvHead], row of the tables for each; 0 for the value
  readonly logitRows: GraphValue; // int32 [numLogitRows], those whose logits are computed
  readonly shippedLogits: GraphValue; // int32 [numShipped], indexes in logitRows of those that are handed over
  readonly hasCandidates: GraphValue; // bool, whether their candidates are
  readonly hiddenRows: GraphValue; // int32 [numHiddenRows], usually none

  // Tiles in place: the pool's tiles `first` to `first + inPlace`, each visited by one token.
  readonly keys: readonly GraphValue[]; // per layer, [inPlace, numKvHeads, tileSize, headDim]
  readonly values: readonly GraphValue[];
  readonly inPlaceRows: GraphValue; // int32 [inPlace], each tile's token
  readonly inPlaceMasks: readonly GraphValue[]; // per layer, [inPlace, 1, 1, tileSize], 0 or maskedScore

  // Gathered tiles: copies of pool blocks, then keys of this step's own tokens, each visited by several tokens. Where a tile
  // is half full, keys of this step are joined to its copy.
  readonly hasGathered: GraphValue; // bool
  readonly pool: GraphValue; // [2 * numLayers * numTiles * numKvHeads * blocksPerTile, blockSize, headDim]
  readonly gatheredBlocks: GraphValue; // int32 [2 * numLayers, gathered, numKvHeads, blocksPerTile], rows of the pool: keys, then values of each layer
  readonly chunkKeys: GraphValue; // int32 [chunk, numKvHeads, tileSize], rows of [numTokens * numKvHeads]
  readonly joinedKeys: GraphValue; // int32 [joined, numKvHeads], rows of [numTokens * numKvHeads]
  readonly joinedPlaces: GraphValue; // int64 [joined, numKvHeads, 3], where in [gathered + chunk, numKvHeads, tileSize]
  readonly gatheredQueries: GraphValue; // int32 [gathered + chunk, numKvHeads, groupSize * tileRows], rows of [numTokens * numKvHeads * queriesInPlace]
  readonly gatheredMasks: readonly GraphValue[]; // per layer, [gathered + chunk, 1, groupSize * tileRows, tileSize]

  readonly partials: GraphValue; // int32 [numTokens, numHeads, numPartials], rows of the partial results
  readonly partialsOfRow: GraphValue; // the same as [numTokens, numHeads, 1, numPartials]
}

export function addStepInputs(
  graph: GraphBuilder,
  config: DecoderConfig,
  { blockSize, tileSize }: TileShape,
): StepInputs {
  const { numLayers, numHeads, numKvHeads, headDim } = config;
  const groupSize = numHeads / numKvHeads;
  const layers = Array.from({ length: numLayers }, (_, layer) => layer);
  const inPlaceShape = ["inPlace", numKvHeads, tileSize, headDim];
  return {
    tokenIds: graph.input("tokenIds", "int32", [1, "numTokens"]),
    positions: graph.input("positions", "int64", ["numTokens", headsPerKvHead(config)]),
    logitRows: graph.input("logitRows", "int32", ["numLogitRows"]),
    shippedLogits: graph.input("shippedLogits", "int32", ["numShipped"]),
    hasCandidates: graph.input("hasCandidates", "bool", []),
    hiddenRows: graph.input("hiddenRows", "int32", ["numHiddenRows"]),
    keys: layers.map((layer) => graph.input(keysInputName(layer), "float32", inPlaceShape)),
    values: layers.map((layer) => graph.input(valuesInputName(layer), "float32", inPlaceShape)),
    inPlaceRows: graph.input("inPlaceRows", "int32", ["inPlace"]),
    inPlaceMasks: byLayer(config, (window) =>
      graph.input(inPlaceMaskName(window), "float32", ["inPlace", 1, 1, tileSize]),
    ),
    hasGathered: graph.input("hasGathered", "bool", []),
    pool: graph.input("pool", "float32", ["poolRows", blockSize, headDim]),
    gatheredBlocks: graph.input("gatheredBlocks", "int32", [
      2 * numLayers,
      "gathered",
      numKvHeads,
      tileSize / blockSize,
    ]),
    chunkKeys: graph.input("chunkKeys", "int32", ["chunk", numKvHeads, tileSize]),
    joinedKeys: graph.input("joinedKeys", "int32", ["joined", numKvHeads]),
    joinedPlaces: graph.input("joinedPlaces", "int64", ["joined", numKvHeads, 3]),
    gatheredQueries: graph.input("gatheredQueries", "int32", ["tiles", numKvHeads, "queries"]),
    gatheredMasks: byLayer(config, (window) =>
      graph.node(`${gatheredMaskName(window)}.grouped`, "Tile", [
        graph.input(gatheredMaskName(window), "float32", ["tiles", 1, "tileRows", tileSize]),
        graph.int64s(1, 1, groupSize, 1),
      ]),
    ),
    partials: graph.input("partials", "int32", ["numTokens", numHeads, "numPartials"]),
    partialsOfRow: graph.input("partialsOfRow", "int32", ["numTokens", numHeads, 1, "numPartials"]),
  };
}

/** Makes one value for each distinct window and gives every layer its window's. */
function byLayer(config: DecoderConfig, make: (window: number | undefined) => GraphValue): readonly GraphValue[] {
  const made = new Map<number | undefined, GraphValue>();
  return config.layers.map(({ window }) => {
    const value = made.get(window) ?? make(window);
    made.set(window, value);
    return value;
  });
}
