// The safetensors container: eight bytes of header length, a JSON header, then the tensors' bytes.
// Source: github.com/huggingface/safetensors, "Format". Offsets come from a file we did not write, so all are checked.
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { z } from "zod";
import { CheckpointError } from "./model-errors.ts";

// dtype -> bytes of one element; a file with any other is refused.
const elementSizes = { F32: 4, F16: 2, BF16: 2, I32: 4, U8: 1, I8: 1 } as const;

export type TensorDtype = keyof typeof elementSizes;

export interface TensorShape {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
}

export interface TensorEntry extends TensorShape {
  /** From the start of the file. */
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

export const lengthPrefixBytes = 8;
/** The limit of the reference implementation. */
const maxHeaderBytes = 100_000_000;

const size = z.int().nonnegative();
const headerSchema = z.record(
  z.string(),
  z.object({ dtype: z.string(), shape: z.array(size), data_offsets: z.tuple([size, size]) }),
);

/**
 * Returns tensor name -> where it lies.
 *
 * @throws CheckpointError when the header is not one, or a tensor does not lie inside the file.
 */
export async function readSafetensorsHeader(path: string): Promise<ReadonlyMap<string, TensorEntry>> {
  const file = await open(path, "r");
  try {
    return await readHeader(file, path);
  } finally {
    await file.close();
  }
}

async function readHeader(file: FileHandle, path: string): Promise<ReadonlyMap<string, TensorEntry>> {
  const { size: fileBytes } = await file.stat();
  if (fileBytes < lengthPrefixBytes)
    throw new CheckpointError(`${path}: too short for a safetensors file; download it again`);
  const prefix = await readExactly(file, 0, lengthPrefixBytes);
  const headerBytes = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (headerBytes > maxHeaderBytes || lengthPrefixBytes + headerBytes > fileBytes) {
    const size = `a header of ${headerBytes} bytes does not fit a file of ${fileBytes}`;
    throw new CheckpointError(`${path}: not a safetensors file (a pointer to one, perhaps), or not all of it: ${size}`);
  }

  const { __metadata__: _, ...entries } = parseJson(await readExactly(file, lengthPrefixBytes, headerBytes), path);
  const parsed = headerSchema.safeParse(entries);
  if (!parsed.success) throw new CheckpointError(`${path}: malformed safetensors header`);

  const dataStart = lengthPrefixBytes + headerBytes;
  const tensors = new Map<string, TensorEntry>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(parsed.data)) {
    const [begin, end] = data_offsets;
    if (!isTensorDtype(dtype)) throw new CheckpointError(`${path}: ${name} has unsupported dtype ${dtype}`);
    const lengthBytes = sizeBytes({ dtype, shape });
    if (end - begin !== lengthBytes) {
      throw new CheckpointError(`${path}: ${name} spans bytes ${begin} to ${end}, which its shape denies`);
    }
    if (dataStart + end > fileBytes) {
      throw new CheckpointError(`${path}: ends at byte ${fileBytes}, before ${name} does; download it again`);
    }
    tensors.set(name, { dtype, shape, offsetBytes: dataStart + begin, lengthBytes });
  }
  refuseOverlap(tensors, path);
  return tensors;
}

function refuseOverlap(tensors: ReadonlyMap<string, TensorEntry>, path: string): void {
  let end = 0;
  for (const [name, { offsetBytes, lengthBytes }] of [...tensors].toSorted(
    ([, a], [, b]) => a.offsetBytes - b.offsetBytes,
  )) {
    if (lengthBytes > 0 && offsetBytes < end) throw new CheckpointError(`${path}: ${name} overlaps another tensor`);
    end = Math.max(end, offsetBytes + lengthBytes);
  }
}

export function sizeBytes({ dtype, shape }: TensorShape): number {
  return shape.reduce((product, dim) => product * dim, elementSizes[dtype]);
}

/** @throws CheckpointError when the file ends early. */
export async function readExactly(file: FileHandle, offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(lengthBytes);
  let filled = 0;
  while (filled < lengthBytes) {
    const { bytesRead } = await file.read(bytes, filled, lengthBytes - filled, offsetBytes + filled);
    if (bytesRead === 0) throw new CheckpointError(`file ends at byte ${offsetBytes + filled}`);
    filled += bytesRead;
  }
  return bytes;
}

function parseJson(bytes: Uint8Array, path: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new CheckpointError(`${path}: malformed safetensors header`, { cause });
  }
}

function isTensorDtype(dtype: string): dtype is TensorDtype {
  return Object.hasOwn(elementSizes, dtype);
}
