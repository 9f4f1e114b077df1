// How much memory a model will take, before any of it is taken: weights as the session holds them, the KV pool, and the most
// that a run takes besides, which split-step.ts bounds. A bound from above; docs/decisions/0008 says how it was measured.
import type { DecoderConfig } from "#engine/graph/config.ts";
import { quantizedBits } from "#engine/graph/linear.ts";
import type { Precision } from "#engine/graph/linear.ts";
import { blocksPerRow, quantizationBlock } from "#engine/graph/quantize.ts";
import { distinctWindows, queriesInPlace } from "#engine/graph/step-inputs.ts";
import { linearShapes, outputProjectionName } from "#engine/graph/tensor-names.ts";
import { maxPairsPerRun, maxPromptRowsPerRun } from "./split-step.ts";
import { maxTileRows } from "./tile-plan.ts";

export interface MemoryNeeds {
  readonly precision: Precision;
  /** Size of the embedding in the type it is stored in: rows are read from it as it is. */
  readonly embeddingBytes: number;
  readonly blockSize: number;
  /** Tokens that attention takes together, in whole blocks. */
  readonly tileSize: number;
  readonly numBlocks: number;
  readonly maxModelLen: number;
  /** Tokens of one step whose logits may be wanted. */
  readonly maxNumLogits: number;
}

export interface MemoryPlan {
  readonly weightsBytes: number;
  readonly kvBytes: number;
  readonly scratchBytes: number;
  /** All of it. */
  readonly totalBytes: number;
}

const floatBytes = 4;
/** The native library, its threads and its bookkeeping. */
const runtimeBytes = 64 * 1024 * 1024;

export function planMemory(config: DecoderConfig, needs: MemoryNeeds): MemoryPlan {
  const matrices = matrixSizes(config, needs.precision);
  // The embedding counts beside the matrices even where it is one of them: products use a packed copy.
  const weightsBytes = needs.embeddingBytes + matrices.reduce((sum, bytes) => sum + bytes, 0);
  const kvBytes = numTiles(needs) * poolTileBytes(config, needs.tileSize);
  const runsBytes = promptRunBytes(config, needs) + decodeRunBytes(config, needs);
  // Before any run, each matrix is packed in turn: the last to be packed is there twice.
  const scratchBytes = runtimeBytes + Math.max(runsBytes, ...matrices);
  return { weightsBytes, kvBytes, scratchBytes, totalBytes: weightsBytes + kvBytes + scratchBytes };
}

/** Norms and biases are too small to count. */
function matrixSizes(config: DecoderConfig, precision: Precision): readonly number[] {
  const output = outputProjectionName(config);
  return [...linearShapes(config)].map(([name, [numRows, numColumns]]) => {
    if (precision === "fp32") return numRows * numColumns * floatBytes;
    // A scale per block is the larger form: the plan need not know which one the processor gets (graph/matrix-groups.ts).
    const bits = name === output ? quantizedBits.int8 : quantizedBits[precision];
    return numRows * blocksPerRow(numColumns) * ((quantizationBlock * bits) / 8 + floatBytes);
  });
}

/** Keys and values of all layers. */
function poolTileBytes({ numLayers, numKvHeads, headDim }: DecoderConfig, tileSize: number): number {
  return 2 * numLayers * numKvHeads * tileSize * headDim * floatBytes;
}

/** The longest run of prompt rows: the numbers alive at once in attention, then those of a layer's other products. */
function promptRunBytes(config: DecoderConfig, { tileSize, maxModelLen, maxNumLogits }: MemoryNeeds): number {
  const { numHeads, numKvHeads, headDim, numLayers, hiddenSize, intermediateSize, vocabSize } = config;
  const numPairs = Math.min(maxPairsPerRun, maxModelLen * maxPromptRowsPerRun);
  const scores = 3 * numPairs * numHeads; // raw or masked, weights, and one being made
  const masks = numPairs * (1 + numHeads / numKvHeads) * distinctWindows(config).length;
  const copiedKeyValues = (4 * numPairs * numKvHeads * headDim) / maxTileRows; // gathered, then joined
  const partials = (5 * numPairs * numHeads * headDim) / tileSize; // made, joined, listed by row, and what lies between
  const rows = maxPromptRowsPerRun;
  const hiddenStates = 3 * rows * hiddenSize; // of the rows wanted, normed, copied out
  const activations = rows * (4 * intermediateSize + 4 * hiddenSize + 6 * numHeads * headDim) + hiddenStates;
  const newKeyValues = 3 * rows * 2 * numLayers * numKvHeads * headDim; // by layer, stacked, copied out
  const logits = 3 * maxNumLogits * vocabSize; // of a run: made, copied out; and of the step
  const ropeTables = 4 * maxModelLen * config.rope.rotaryDim;
  return floatBytes * (scores + masks + copiedKeyValues + partials + activations + newKeyValues + logits + ropeTables);
}

/** Attention in place over the whole pool. */
function decodeRunBytes(config: DecoderConfig, needs: MemoryNeeds): number {
  const rows = numTiles(needs) * config.numKvHeads * queriesInPlace(config);
  return floatBytes * rows * (3 * needs.tileSize + 3 * config.headDim);
}

function numTiles({ numBlocks, blockSize, tileSize }: MemoryNeeds): number {
  return Math.ceil(numBlocks / (tileSize / blockSize));
}
