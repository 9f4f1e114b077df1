// Weight-only quantization in the layout of com.microsoft.MatMulNBits: each row of a matrix is cut along its inputs into
// blocks of 128; a block keeps one float32 scale and its weights as unsigned numbers around a fixed middle (8 of 16, 128
// of 256), so weight = scale * (number - middle). The last block of a row is filled up with zeros.
// Source: onnxruntime docs/ContribOperators.md, MatMulNBits. Two 4-bit numbers share a byte, the earlier one low.

export type QuantizedBits = 4 | 8;

/** Weights that share a scale. Of 32 to 128, the largest is the fastest (ENGINE-FACTS). */
export const quantizationBlock = 128;

/** Raise it when the same weights would give other bytes: caches of an older number are then made anew. */
export const quantizerVersion = 1;

export const quantizedName = (tensorName: string): string => `${tensorName}.quantized`;
export const scalesName = (tensorName: string): string => `${tensorName}.scales`;

export interface QuantizedMatrix {
  readonly numbers: Uint8Array; // [numRows, blocksPerRow, quantizationBlock * bits / 8]
  readonly scales: Float32Array; // [numRows, blocksPerRow]
}

export function blocksPerRow(numColumns: number): number {
  return Math.ceil(numColumns / quantizationBlock);
}

/** Quantizes `matrix` [numRows, numColumns], row-major. */
export function quantize(matrix: Float32Array, numColumns: number, bits: QuantizedBits): QuantizedMatrix {
  const numRows = matrix.length / numColumns;
  const rowBlocks = blocksPerRow(numColumns);
  const blockBytes = (quantizationBlock * bits) / 8;
  const numbers = new Uint8Array(numRows * rowBlocks * blockBytes);
  const scales = new Float32Array(numRows * rowBlocks);
  for (let row = 0; row < numRows; row++) {
    for (let block = 0; block < rowBlocks; block++) {
      const start = row * numColumns + block * quantizationBlock;
      const end = Math.min(start + quantizationBlock, (row + 1) * numColumns);
      const weights = matrix.subarray(start, end);
      const index = row * rowBlocks + block;
      const scale = chooseScale(weights, bits);
      scales[index] = scale;
      writeBlock(weights, scale, bits, numbers.subarray(index * blockBytes, (index + 1) * blockBytes));
    }
  }
  return { numbers, scales };
}

function writeBlock(weights: Float32Array, scale: number, bits: QuantizedBits, target: Uint8Array): void {
  const middle = 2 ** (bits - 1);
  target.fill(bits === 8 ? middle : middle | (middle << 4));
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < weights.length; i++) {
    const number = nearest((weights[i] ?? 0) * inverse, middle);
    if (bits === 8) target[i] = number;
    else if (i % 2 === 0) target[i >> 1] = ((target[i >> 1] ?? 0) & 0xf0) | number;
    else target[i >> 1] = ((target[i >> 1] ?? 0) & 0x0f) | (number << 4);
  }
}

/** The stored number that stands nearest to `steps` steps from the middle: 0 to 2 * middle - 1. */
function nearest(steps: number, middle: number): number {
  // Cutting off the fraction rounds, because what is cut is made positive first; below zero it is clamped anyway.
  const number = (steps + middle + 0.5) | 0;
  return number < 0 ? 0 : number >= 2 * middle ? 2 * middle - 1 : number;
}

/**
 * The numbers reach one step further below the middle than above it, so the largest weight is laid on the far end by
 * giving the scale its opposite sign. At 4 bits a somewhat smaller scale, which cuts that weight short but resolves the
 * others better, often leaves a smaller squared error: a few are tried.
 */
function chooseScale(weights: Float32Array, bits: QuantizedBits): number {
  let peak = 0;
  for (const weight of weights) if (Math.abs(weight) > Math.abs(peak)) peak = weight;
  const middle = 2 ** (bits - 1);
  if (Math.abs(peak) < negligible) return 0;
  if (bits === 8) return Math.fround(-peak / middle);

  let best = 0;
  let leastError = Infinity;
  for (const end of scaleCandidates) {
    const scale = Math.fround(-peak / end);
    const error = squaredError(weights, scale, middle);
    if (error < leastError) {
      leastError = error;
      best = scale;
    }
  }
  return best;
}

/** Below this a scale could not be told from zero as a float32. */
const negligible = 1e-30;

/** The number the largest weight is laid on, before it is cut to what 4 bits hold. */
const scaleCandidates = [7, 7.5, 8, 8.5, 9, 9.5, 10];

function squaredError(weights: Float32Array, scale: number, middle: number): number {
  const inverse = 1 / scale;
  let sum = 0;
  // By index: this is the quantizer's inner loop, and an iterator doubles its time.
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] ?? 0;
    const difference = weight - scale * (nearest(weight * inverse, middle) - middle);
    sum += difference * difference;
  }
  return sum;
}
