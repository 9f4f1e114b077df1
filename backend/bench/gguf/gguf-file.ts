// The GGUF container, version 3: a header of typed facts, a table of tensors, then their bytes, each at a multiple of 32.
// Source: github.com/ggml-org/ggml, docs/gguf.md. Numbers are little-endian.
import { open } from "node:fs/promises";
import { encodings, type BlockType } from "./block-types.ts";

export type GgufValue =
  | { readonly kind: "uint32" | "float32"; readonly value: number }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "float32s" | "int32s"; readonly value: readonly number[] };

export interface GgufTensor {
  readonly name: string;
  /** Rows first, as a checkpoint has it. */
  readonly shape: readonly number[];
  readonly type: BlockType;
  readonly read: () => Promise<Float32Array>;
}

const version = 3;
const alignmentBytes = 32;
const typeIds = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;

// metadata: key -> value
export async function writeGguf(
  path: string,
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly GgufTensor[],
): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.write(encodeHeader(metadata, tensors));
    for (const { type, read } of tensors) await file.write(padded(encodings[type].encode(await read())));
  } finally {
    await file.close();
  }
}

/** The file up to its first tensor. */
function encodeHeader(metadata: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): Uint8Array {
  const parts = [Buffer.from("GGUF"), uint32(version), uint64(tensors.length), uint64(metadata.size)];
  for (const [key, value] of metadata) parts.push(string(key), encodeValue(value));
  let offset = 0;
  for (const { name, shape, type } of tensors) {
    const numValues = shape.reduce((product, size) => product * size, 1);
    // The fastest dimension comes first.
    parts.push(string(name), uint32(shape.length), ...shape.toReversed().map(uint64));
    parts.push(uint32(encodings[type].id), uint64(offset));
    offset = aligned(offset + encodings[type].sizeBytes(numValues));
  }
  return padded(Buffer.concat(parts));
}

function encodeValue(value: GgufValue): Buffer {
  switch (value.kind) {
    case "uint32":
      return Buffer.concat([uint32(typeIds.uint32), uint32(value.value)]);
    case "float32":
      return Buffer.concat([uint32(typeIds.float32), float32(value.value)]);
    case "bool":
      return Buffer.concat([uint32(typeIds.bool), Buffer.from([value.value ? 1 : 0])]);
    case "string":
      return Buffer.concat([uint32(typeIds.string), string(value.value)]);
    case "strings":
      return array(typeIds.string, value.value.map(string));
    case "float32s":
      return array(typeIds.float32, value.value.map(float32));
    case "int32s":
      return array(typeIds.int32, value.value.map(int32));
  }
}

function array(typeId: number, items: readonly Buffer[]): Buffer {
  return Buffer.concat([uint32(typeIds.array), uint32(typeId), uint64(items.length), ...items]);
}

function string(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function aligned(sizeBytes: number): number {
  return Math.ceil(sizeBytes / alignmentBytes) * alignmentBytes;
}

function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes], aligned(bytes.length));
}
