// Quantized weights are made once and kept: a file beside its like, named after what it was made from. The file is a
// safetensors checkpoint again, with the numbers and scales of each matrix in place of the matrix, so that the graph reads
// it as it reads any other.
import { createHash } from "node:crypto";
import { mkdir, open, realpath } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpoint, CheckpointTensor } from "./checkpoint.ts";
import { decodeFloats } from "./decode-floats.ts";
import { quantizedBits } from "./linear.ts";
import type { QuantizedPrecision } from "./linear.ts";
import type { MatrixGroup } from "./matrix-groups.ts";
import { CheckpointError } from "./model-errors.ts";
import { blocksPerRow, quantizationBlock, quantize, quantizedName, quantizerVersion, scalesName } from "./quantize.ts";
import type { QuantizedBits } from "./quantize.ts";
import { RowQuantizer, rowNumbersName, rowScalesName } from "./quantize-rows.ts";
import { readExactly, readSafetensorsHeader } from "./safetensors.ts";
import type { TensorShape } from "./safetensors.ts";
import { layOutSafetensors } from "./safetensors-layout.ts";
import { isSealed, sha256, writeSealed } from "./sealed-file.ts";
import { embeddingName } from "./tensor-names.ts";

/** How far a long preparation is: so many of so many tensors. */
export type Progress = (numDone: number, numAll: number) => void;

export interface QuantizedCacheOptions {
  /** Made when missing. */
  readonly cacheDir: string;
  readonly onProgress?: Progress;
}

/** The checkpoint with its matrices quantized as `groups` says: from the cache when it is there and whole, else made now. */
export async function quantizeCheckpoint(
  checkpoint: Checkpoint,
  precision: QuantizedPrecision,
  groups: readonly MatrixGroup[],
  { cacheDir, onProgress }: QuantizedCacheOptions,
): Promise<Checkpoint> {
  await mkdir(cacheDir, { recursive: true });
  const weightsFolder = await realpath(cacheDir);
  const fileName = `${await cacheKey(checkpoint, precision, groups)}.${precision}.safetensors`;
  const path = join(weightsFolder, fileName);
  if (!(await isSealed(path))) {
    await writeSealed(path, async (file) => {
      const writer = new QuantizedWriter(file, checkpoint, quantizedBits[precision], groups);
      await writer.write(onProgress);
    });
  }
  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, entry] of await readSafetensorsHeader(path)) tensors.set(name, { ...entry, fileName });
  return { weightsFolder, fileNames: [fileName], tensors };
}

async function cacheKey(
  checkpoint: Checkpoint,
  precision: QuantizedPrecision,
  groups: readonly MatrixGroup[],
): Promise<string> {
  // One tensor can be read in more than one shape.
  const shapes = groups.map(({ parts }) => parts.map((name) => checkpoint.tensors.get(name)?.shape));
  const weights = await sha256(checkpoint.fileNames.map((name) => join(checkpoint.weightsFolder, name)));
  return createHash("sha256")
    .update(JSON.stringify({ quantizerVersion, quantizationBlock, precision, groups, shapes }))
    .update(weights)
    .digest("hex")
    .slice(0, 32);
}

/** Numbers of a matrix that are converted at a time: 16 MiB as float32. */
const sliceLength = 4 * 1024 * 1024;
const maxWriteBytes = 1024 * 1024 * 1024;

/** Rows of a group, row-major, the first of which is `row`. */
interface Slice {
  readonly row: number;
  readonly weights: Float32Array;
}

class QuantizedWriter {
  readonly #file: FileHandle;
  readonly #checkpoint: Checkpoint;
  /** Of the matrices that have a scale per block. */
  readonly #bits: QuantizedBits;
  readonly #groups: readonly MatrixGroup[];

  constructor(file: FileHandle, checkpoint: Checkpoint, bits: QuantizedBits, groups: readonly MatrixGroup[]) {
    this.#file = file;
    this.#checkpoint = checkpoint;
    this.#bits = bits;
    this.#groups = groups;
  }

  async write(onProgress: Progress | undefined): Promise<void> {
    const { bytes, entries } = layOutSafetensors(this.#shapes());
    await this.#file.write(bytes, 0, bytes.length, 0);
    const offsetOf = (name: string): number => {
      const entry = entries.get(name);
      if (entry === undefined) throw new Error(`no place for ${name}`);
      return entry.offsetBytes;
    };
    const copies = this.#copies();
    const numAll = copies.length + this.#groups.length;
    let numDone = 0;
    for (const [name, tensor] of copies) {
      await this.#copy(tensor, offsetOf(name));
      onProgress?.(++numDone, numAll);
    }
    for (const group of this.#groups) {
      const { name } = group;
      if (group.scales === "blocks") {
        await this.#quantizeBlocks(group, offsetOf(quantizedName(name)), offsetOf(scalesName(name)));
      } else {
        const quantizer = new RowQuantizer(this.#sizeOf(group), group.scales);
        await this.#quantizeRows(group, quantizer, offsetOf(rowNumbersName(name)), offsetOf(rowScalesName(name)));
      }
      onProgress?.(++numDone, numAll);
    }
  }

  /** What stays as it is: vectors, and the embedding even where it is also a matrix. */
  #copies(): readonly (readonly [string, CheckpointTensor])[] {
    const matrices = new Set(this.#groups.flatMap(({ parts }) => parts));
    return [...this.#checkpoint.tensors].filter(([name]) => name === embeddingName || !matrices.has(name));
  }

  #shapes(): ReadonlyMap<string, TensorShape> {
    const shapes = new Map<string, TensorShape>();
    for (const [name, { dtype, shape }] of this.#copies()) shapes.set(name, { dtype, shape });
    for (const group of this.#groups) {
      const { name } = group;
      const { numRows, numColumns } = this.#sizeOf(group);
      if (group.scales !== "blocks") {
        const dtype = group.scales === "int8" ? "I8" : "U8";
        shapes.set(rowScalesName(name), { dtype: "F32", shape: [numRows] });
        shapes.set(rowNumbersName(name), { dtype, shape: [numColumns, numRows] });
        continue;
      }
      const rowBlocks = blocksPerRow(numColumns);
      const blockBytes = (quantizationBlock * this.#bits) / 8;
      shapes.set(scalesName(name), { dtype: "F32", shape: [numRows, rowBlocks] });
      shapes.set(quantizedName(name), { dtype: "U8", shape: [numRows, rowBlocks, blockBytes] });
    }
    return shapes;
  }

  async #quantizeBlocks(group: MatrixGroup, numbersOffset: number, scalesOffset: number): Promise<void> {
    const { numColumns } = this.#sizeOf(group);
    for await (const { row, weights } of this.#slices(group)) {
      const sliceRows = weights.length / numColumns;
      const { numbers, scales } = quantize(weights, numColumns, this.#bits);
      await this.#write(numbers, numbersOffset + (row * numbers.byteLength) / sliceRows);
      await this.#write(scales, scalesOffset + (row * scales.byteLength) / sliceRows);
    }
  }

  async #quantizeRows(
    group: MatrixGroup,
    quantizer: RowQuantizer,
    numbersOffset: number,
    scalesOffset: number,
  ): Promise<void> {
    for await (const { row, weights } of this.#slices(group)) quantizer.add(row, weights);
    await this.#write(quantizer.numbers, numbersOffset);
    await this.#write(quantizer.scales, scalesOffset);
  }

  async *#slices(group: MatrixGroup): AsyncGenerator<Slice> {
    let firstRow = 0;
    for (const { name, tensor } of this.#runsOf(group)) {
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
          yield { row: firstRow + row, weights };
        }
      } finally {
        await source.close();
      }
      firstRow += numRows;
    }
  }

  #sizeOf(group: MatrixGroup): { readonly numRows: number; readonly numColumns: number } {
    const parts = this.#partsOf(group);
    const numRows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
    return { numRows, numColumns: parts[0]?.shape[1] ?? 0 };
  }

  /** The rows of the group's parts in the order in which the group has them. */
  *#runsOf(group: MatrixGroup): Generator<{ readonly name: string; readonly tensor: CheckpointTensor }> {
    const { numRuns } = group;
    for (let run = 0; run < numRuns; run++) {
      for (const [index, { shape, offsetBytes, lengthBytes, ...tensor }] of this.#partsOf(group).entries()) {
        const [numRows = 0, numColumns = 0] = shape;
        const runBytes = lengthBytes / numRuns;
        yield {
          name: group.parts[index] ?? "",
          tensor: {
            ...tensor,
            shape: [numRows / numRuns, numColumns],
            offsetBytes: offsetBytes + run * runBytes,
            lengthBytes: runBytes,
          },
        };
      }
    }
  }

  #partsOf({ parts }: MatrixGroup): readonly CheckpointTensor[] {
    return parts.map((name) => {
      const tensor = this.#checkpoint.tensors.get(name);
      if (tensor === undefined) throw new CheckpointError(`${name}: missing`);
      return tensor;
    });
  }

  async #write(numbers: Uint8Array | Int8Array | Float32Array, offsetBytes: number): Promise<void> {
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    // One write takes at most 2 GiB.
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#file.write(
        bytes,
        done,
        Math.min(maxWriteBytes, bytes.length - done),
        offsetBytes + done,
      );
      done += bytesWritten;
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
