import { lengthPrefixBytes, sizeBytes } from "./safetensors.ts";
import type { TensorEntry, TensorShape } from "./safetensors.ts";

export interface SafetensorsLayout {
  /** The file up to its first tensor. */
  readonly bytes: Uint8Array;
  // tensor name -> where its bytes go
  readonly entries: ReadonlyMap<string, TensorEntry>;
}

const alignmentBytes = 64;

/** Lays tensors out one after another; the first starts at a multiple of 64 bytes. */
export function layOutSafetensors(shapes: ReadonlyMap<string, TensorShape>): SafetensorsLayout {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [name, { dtype, shape }] of shapes) {
    const begin = end;
    end += sizeBytes({ dtype, shape });
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }

  const json = JSON.stringify(header);
  const dataStart = Math.ceil((lengthPrefixBytes + Buffer.byteLength(json)) / alignmentBytes) * alignmentBytes;
  const bytes = new Uint8Array(dataStart).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(dataStart - lengthPrefixBytes), true);
  new TextEncoder().encodeInto(json, bytes.subarray(lengthPrefixBytes));

  const entries = new Map<string, TensorEntry>();
  let offsetBytes = dataStart;
  for (const [name, shape] of shapes) {
    const lengthBytes = sizeBytes(shape);
    entries.set(name, { ...shape, offsetBytes, lengthBytes });
    offsetBytes += lengthBytes;
  }
  return { bytes, entries };
}
