import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { decodeFloats } from "#engine/graph/decode-floats.ts";
import { readSafetensorsHeader } from "#engine/graph/safetensors.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { writeLlamaGguf } from "./llama-gguf.ts";

const golden = fileURLToPath(new URL("../../test-data/golden/", import.meta.url));
// Of the checkpoint below.
const [numHeads, headDim, hiddenSize] = [8, 32, 64];

test("every tensor lies where the table says, with the checkpoint's values, query rows in ggml's order", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "model.gguf");
  await writeLlamaGguf(`${golden}grouped-tied`, { layers: "F16", embedding: "F32" }, path);
  const bytes = await readFile(path);
  const tensors = readTable(bytes);
  const halved = join(folder.path, "halved.gguf");
  await writeLlamaGguf(`${golden}grouped-tied`, { layers: "F16", embedding: "F16" }, halved);
  expect(bytes.length - (await readFile(halved)).length).toBe(2 * (tensors.get("token_embd.weight") ?? []).length);

  const value = await checkpointTensor("model.layers.1.self_attn.v_proj.weight");
  expect(tensors.get("blk.1.attn_v.weight")).toEqual(value);
  const norm = await checkpointTensor("model.layers.0.input_layernorm.weight");
  expect(tensors.get("blk.0.attn_norm.weight")).toEqual(norm);

  const query = await checkpointTensor("model.layers.0.self_attn.q_proj.weight");
  const moved = tensors.get("blk.0.attn_q.weight") ?? [];
  for (let head = 0; head < numHeads; head++) {
    for (let pair = 0; pair < headDim / 2; pair++) {
      expect(row(moved, head, 2 * pair)).toEqual(row(query, head, pair));
      expect(row(moved, head, 2 * pair + 1)).toEqual(row(query, head, pair + headDim / 2));
    }
  }
});

test("a checkpoint that is no plain, tied Llama is refused", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "model.gguf");
  await expect(writeLlamaGguf(`${golden}qwen2`, { layers: "F16", embedding: "F16" }, path)).rejects.toThrow(
    "not a plain, tied Llama",
  );
});

function row(values: readonly number[], head: number, index: number): readonly number[] {
  return values.slice((head * headDim + index) * hiddenSize, (head * headDim + index + 1) * hiddenSize);
}

async function checkpointTensor(name: string): Promise<readonly number[]> {
  const path = `${golden}grouped-tied/model.safetensors`;
  const entry = (await readSafetensorsHeader(path)).get(name);
  if (entry === undefined) throw new Error(name);
  const bytes = (await readFile(path)).subarray(entry.offsetBytes, entry.offsetBytes + entry.lengthBytes);
  return Array.from(Float16Array.from(decodeFloats(new Uint8Array(bytes), entry.dtype)));
}

/** Reads a file as its specification says, by nothing that wrote it. F32 values are rounded to half precision. */
function readTable(bytes: Buffer): ReadonlyMap<string, readonly number[]> {
  let at = 24;
  const uint32 = (): number => bytes.readUInt32LE((at += 4) - 4);
  const uint64 = (): number => Number(bytes.readBigUInt64LE((at += 8) - 8));
  const string = (): string => {
    const length = uint64();
    return bytes.toString("utf8", at, (at += length));
  };
  const skip = (type: number): void => {
    if (type === 8) string();
    else if (type === 7) at += 1;
    else if (type === 9) for (let item = uint32(), left = uint64(); left > 0; left--) skip(item);
    else at += 4;
  };

  expect(bytes.toString("latin1", 0, 4)).toBe("GGUF");
  const numTensors = Number(bytes.readBigUInt64LE(8));
  const numFacts = Number(bytes.readBigUInt64LE(16));
  for (let fact = 0; fact < numFacts; fact++) {
    string();
    skip(uint32());
  }
  const infos = Array.from({ length: numTensors }, () => {
    const name = string();
    const sizes = Array.from({ length: uint32() }, uint64);
    return { name, numValues: sizes.reduce((a, b) => a * b), type: uint32(), offset: uint64() };
  });
  const start = Math.ceil(at / 32) * 32;
  return new Map(
    infos.map(({ name, numValues, type, offset }) => {
      expect(offset % 32).toBe(0);
      const data = new Uint8Array(bytes.subarray(start + offset, start + offset + numValues * (type === 0 ? 4 : 2)));
      const values = type === 0 ? new Float32Array(data.buffer) : new Float16Array(data.buffer);
      return [name, Array.from(Float16Array.from(values))];
    }),
  );
}
