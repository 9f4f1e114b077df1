// How GGUF stores numbers: as floats, or in blocks of 32 that share a scale. The arithmetic is that of ggml's reference
// quantizers (ggml/src/ggml-quants.c), so that peers compute with the weights their own tools would have given them.

export type BlockType = "F32" | "F16" | "Q8_0" | "Q4_0";

const blockLength = 32;
const scaleBytes = 2;

interface Encoding {
  /** Number of the type in the file. */
  readonly id: number;
  readonly sizeBytes: (numValues: number) => number;
  /** The number of values is a multiple of 32 for the types with blocks. */
  readonly encode: (values: Float32Array) => Uint8Array;
}

export const encodings: Readonly<Record<BlockType, Encoding>> = {
  F32: { id: 0, sizeBytes: (numValues) => 4 * numValues, encode: toBytes },
  F16: { id: 1, sizeBytes: (numValues) => 2 * numValues, encode: (values) => toBytes(Float16Array.from(values)) },
  Q4_0: { id: 2, sizeBytes: (numValues) => numBlocks(numValues) * (scaleBytes + blockLength / 2), encode: encodeQ4 },
  Q8_0: { id: 8, sizeBytes: (numValues) => numBlocks(numValues) * (scaleBytes + blockLength), encode: encodeQ8 },
};

function numBlocks(numValues: number): number {
  if (numValues % blockLength !== 0) throw new RangeError(`${numValues} values are not whole blocks of ${blockLength}`);
  return numValues / blockLength;
}

function toBytes({ buffer, byteOffset, byteLength }: Float32Array | Float16Array): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** A block is its scale in fp16, then 32 signed bytes. */
function encodeQ8(values: Float32Array): Uint8Array {
  const blockBytes = scaleBytes + blockLength;
  const view = new DataView(new ArrayBuffer(encodings.Q8_0.sizeBytes(values.length)));
  for (let block = 0; block < values.length / blockLength; block++) {
    const first = block * blockLength;
    const scale = Math.abs(farthestFromZero(values, first)) / 127;
    const inverse = scale === 0 ? 0 : 1 / scale;
    view.setFloat16(block * blockBytes, scale, true);
    for (let i = 0; i < blockLength; i++) {
      const level = (values[first + i] ?? 0) * inverse;
      // Halves go away from zero, as C's roundf has it.
      view.setInt8(block * blockBytes + scaleBytes + i, Math.sign(level) * Math.round(Math.abs(level)));
    }
  }
  return new Uint8Array(view.buffer);
}

/** A block is its scale in fp16, then 16 bytes: the low halves are the first 16 values, the high halves the others. */
function encodeQ4(values: Float32Array): Uint8Array {
  const blockBytes = scaleBytes + blockLength / 2;
  const view = new DataView(new ArrayBuffer(encodings.Q4_0.sizeBytes(values.length)));
  for (let block = 0; block < values.length / blockLength; block++) {
    const first = block * blockLength;
    // The value farthest from zero becomes level -8, so the scale has its sign turned.
    const scale = farthestFromZero(values, first) / -8;
    const inverse = scale === 0 ? 0 : 1 / scale;
    const level = (i: number): number => Math.min(15, Math.trunc((values[first + i] ?? 0) * inverse + 8.5));
    view.setFloat16(block * blockBytes, scale, true);
    for (let i = 0; i < blockLength / 2; i++) {
      view.setUint8(block * blockBytes + scaleBytes + i, level(i) | (level(i + blockLength / 2) << 4));
    }
  }
  return new Uint8Array(view.buffer);
}

function farthestFromZero(values: Float32Array, first: number): number {
  let farthest = 0;
  for (let i = first; i < first + blockLength; i++) {
    const value = values[i] ?? 0;
    if (Math.abs(value) > Math.abs(farthest)) farthest = value;
  }
  return farthest;
}
