// Quantized weights are made once and kept: a file beside its like, named after what it was made from. The file is a
// safetensors checkpoint again, with the numbers and scales of each matrix in place of the matrix, so that the graph reads
// it as it reads any other.
import { createHash } from "node:crypto";
import { mkdir, open, realpath } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpoint, CheckpointTensor } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { decodeFloats } from "./decode-floats.ts";
import { quantizedBits } from "./linear.ts";
import type { QuantizedPrecision } from "./linear.ts";
import { CheckpointError } from "./model-errors.ts";
import { blocksPerRow, quantizationBlock, quantize, quantizedName, quantizerVersion, scalesName } from "./quantize.ts";
import type { QuantizedBits } from "./quantize.ts";
import { readExactly, readSafetensorsHeader } from "./safetensors.ts";
import type { TensorShape } from "./safetensors.ts";
import { layOutSafetensors } from "./safetensors-layout.ts";
import { isSealed, sha256, writeSealed } from "./sealed-file.ts";
import { embeddingName, linearShapes } from "./tensor-names.ts";

/** How far a long preparation is: so many of so many tensors. */
export type Progress = (numDone: number, numAll: number) => void;

export interface QuantizedCacheOptions {
  /** Made when missing. */
  readonly cacheDir: string;
  readonly onProgress?: Progress;
}

/** The checkpoint with its matrices quantized: from the cache when it is there and whole, else made now. */
export async function quantizeCheckpoint(
  config: DecoderConfig,
  checkpoint: Checkpoint,
  precision: QuantizedPrecision,
  { cacheDir, onProgress }: QuantizedCacheOptions,
): Promise<Checkpoint> {
  await mkdir(cacheDir, { recursive: true });
  const weightsFolder = await realpath(cacheDir);
  const matrices = linearShapes(config);
  const fileName = `${await cacheKey(checkpoint, precision, [...matrices])}.${precision}.safetensors`;
  const path = join(weightsFolder, fileName);
  if (!(await isSealed(path))) {
    await writeSealed(path, async (file) => {
      const writer = new QuantizedWriter(file, checkpoint, quantizedBits[precision], matrices);
      await writer.write(onProgress);
    });
  }
  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, entry] of await readSafetensorsHeader(path)) tensors.set(name, { ...entry, fileName });
  return { weightsFolder, fileNames: [fileName], tensors };
}

/** Its tensor's name and its shape: one tensor can be read in more than one. */
type Matrix = readonly [name: string, shape: readonly [number, number]];

async function cacheKey(
  checkpoint: Checkpoint,
  precision: QuantizedPrecision,
  matrices: readonly Matrix[],
): Promise<string> {
  const weights = await sha256(checkpoint.fileNames.map((name) => join(checkpoint.weightsFolder, name)));
  return createHash("sha256")
    .update(JSON.stringify({ quantizerVersion, quantizationBlock, precision, matrices }))
    .update(weights)
    .digest("hex")
    .slice(0, 32);
}

/** Numbers of a matrix that are converted at a time: 16 MiB as float32. */
const sliceLength = 4 * 1024 * 1024;

class QuantizedWriter {
  readonly #file: FileHandle;
  readonly #checkpoint: Checkpoint;
  readonly #bits: QuantizedBits;
  // tensor name -> [outFeatures, inFeatures]
  readonly #matrices: ReadonlyMap<string, readonly [number, number]>;

  constructor(
    file: FileHandle,
    checkpoint: Checkpoint,
    bits: QuantizedBits,
    matrices: ReadonlyMap<string, readonly [number, number]>,
  ) {
    this.#file = file;
    this.#checkpoint = checkpoint;
    this.#bits = bits;
    this.#matrices = matrices;
  }

  async write(onProgress: Progress | undefined): Promise<void> {
    const { bytes, entries } = layOutSafetensors(this.#shapes());
    await this.#file.write(bytes, 0, bytes.length, 0);
    const { tensors } = this.#checkpoint;
    let numDone = 0;
    for (const [name, tensor] of tensors) {
      const copy = entries.get(name);
      const numbers = entries.get(quantizedName(name));
      const scales = entries.get(scalesName(name));
      if (copy !== undefined) await this.#copy(tensor, copy.offsetBytes);
      if (numbers !== undefined && scales !== undefined) {
        await this.#quantize(name, tensor, numbers.offsetBytes, scales.offsetBytes);
      }
      onProgress?.(++numDone, tensors.size);
    }
  }

  /** Matrices become numbers and scales; all else, and the embedding even where it is also a matrix, stays as it is. */
  #shapes(): ReadonlyMap<string, TensorShape> {
    const shapes = new Map<string, TensorShape>();
    for (const [name, { dtype, shape }] of this.#checkpoint.tensors) {
      const matrix = this.#matrices.get(name);
      if (matrix === undefined || name === embeddingName) shapes.set(name, { dtype, shape });
      if (matrix === undefined) continue;
      const [numRows, numColumns] = matrix;
      const rowBlocks = blocksPerRow(numColumns);
      const blockBytes = (quantizationBlock * this.#bits) / 8;
      shapes.set(scalesName(name), { dtype: "F32", shape: [numRows, rowBlocks] });
      shapes.set(quantizedName(name), { dtype: "U8", shape: [numRows, rowBlocks, blockBytes] });
    }
    return shapes;
  }

  async #quantize(name: string, tensor: CheckpointTensor, numbersOffset: number, scalesOffset: number): Promise<void> {
    const [numRows = 0, numColumns = 0] = tensor.shape;
    const rowBytes = tensor.lengthBytes / numRows;
    const rowsPerSlice = Math.max(1, Math.floor(sliceLength / numColumns));
    const source = await this.#open(tensor);
    try {
      for (let row = 0; row < numRows; row += rowsPerSlice) {
        const sliceRows = Math.min(rowsPerSlice, numRows - row);
        const stored = await readExactly(source, tensor.offsetBytes + row * rowBytes, sliceRows * rowBytes);
        const weights = decodeFloats(stored, tensor.dtype);
        if (!weights.every((weight) => Number.isFinite(weight))) {
          throw new CheckpointError(`${name}: weights that are not finite; download the checkpoint again`);
        }
        const { numbers, scales } = quantize(weights, numColumns, this.#bits);
        const numbersPerRow = numbers.byteLength / sliceRows;
        const scalesPerRow = scales.byteLength / sliceRows;
        await this.#file.write(numbers, 0, numbers.byteLength, numbersOffset + row * numbersPerRow);
        await this.#file.write(new Uint8Array(scales.buffer), 0, scales.byteLength, scalesOffset + row * scalesPerRow);
      }
    } finally {
      await source.close();
    }
  }

  async #copy(tensor: CheckpointTensor, targetOffset: number): Promise<void> {
    const source = await this.#open(tensor);
    try {
      for (let done = 0; done < tensor.lengthBytes; done += sliceLength) {
        const length = Math.min(sliceLength, tensor.lengthBytes - done);
        const bytes = await readExactly(source, tensor.offsetBytes + done, length);
        await this.#file.write(bytes, 0, length, targetOffset + done);
      }
    } finally {
      await source.close();
    }
  }

  #open({ fileName }: CheckpointTensor): Promise<FileHandle> {
    return open(join(this.#checkpoint.weightsFolder, fileName), "r");
  }
}
