// What a model takes of the device's memory. WebGPU tells nobody how much there is, so the budget is a setting.
import type { DecoderConfig } from "#engine/graph/config.ts";
import { quantizedBits } from "#engine/graph/linear.ts";
import type { DevicePrecision } from "#engine/graph/linear.ts";
import { blocksPerRow, quantizationBlock } from "#engine/graph/quantize.ts";
import { linearShapes } from "#engine/graph/tensor-names.ts";
import { MemoryBudgetError } from "#engine/executor/memory-budget.ts";

interface DeviceMemoryNeeds {
  readonly precision: DevicePrecision;
  readonly blockSize: number;
  readonly numBlocks: number;
}

interface DeviceMemoryPlan {
  readonly weightsBytes: number;
  readonly kvBytes: number;
}

const halfBytes = 2;

/** Without what a run takes besides, which the provider's buffer cache decides. */
export function planDeviceMemory(config: DecoderConfig, needs: DeviceMemoryNeeds): DeviceMemoryPlan {
  const { vocabSize, hiddenSize, tiedEmbeddings } = config;
  const matrices = [...linearShapes(config).values()].reduce(
    (sum, shape) => sum + matrixBytes(shape, needs.precision),
    0,
  );
  // A tied matrix is the embedding itself, unless its copy for products is quantized.
  const sharesEmbedding = tiedEmbeddings && needs.precision === "fp16";
  const embeddingBytes = sharesEmbedding ? 0 : vocabSize * hiddenSize * halfBytes;
  const { numLayers, numKvHeads, headDim } = config;
  const kvBytes = 2 * numLayers * needs.numBlocks * needs.blockSize * numKvHeads * headDim * halfBytes;
  return { weightsBytes: matrices + embeddingBytes, kvBytes };
}

function matrixBytes([numRows, numColumns]: readonly [number, number], precision: DevicePrecision): number {
  if (precision === "fp16") return numRows * numColumns * halfBytes;
  const numbersBytes = (quantizationBlock * quantizedBits[precision]) / 8;
  return numRows * blocksPerRow(numColumns) * (numbersBytes + halfBytes);
}

/** @throws MemoryBudgetError when weights and pool exceed `budgetBytes`; it names the most blocks that would fit. */
export function checkDeviceMemory(config: DecoderConfig, needs: DeviceMemoryNeeds, budgetBytes: number): void {
  const { weightsBytes, kvBytes } = planDeviceMemory(config, needs);
  if (weightsBytes + kvBytes <= budgetBytes) return;
  const blockBytes = kvBytes / needs.numBlocks;
  const fitting = Math.max(0, Math.floor((budgetBytes - weightsBytes) / blockBytes));
  throw new MemoryBudgetError(
    `${needs.precision} weights of ${weightsBytes} bytes and ${needs.numBlocks} KV blocks of ${blockBytes} bytes exceed the ` +
      `device budget of ${budgetBytes} bytes; ${fitting} blocks would fit`,
  );
}
