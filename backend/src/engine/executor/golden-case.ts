// Test support: the golden vectors of backend/test-data/golden, as generate.py there writes them.
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Pooling } from "#engine/graph/pooling.ts";
import { sha256 } from "#engine/graph/sealed-file.ts";
import { readExactly, readSafetensorsHeader } from "#engine/graph/safetensors.ts";

export interface GoldenCase {
  readonly modelDir: string;
  readonly prompt: readonly number[];
  /** After each of the prompt's last tokens. */
  readonly logits: Float32Array; // [numLogitRows, vocabSize]
  /** What follows the prompt when the likeliest token is always taken. */
  readonly greedy: readonly number[];
}

const goldenDir = fileURLToPath(new URL("../../../test-data/golden/", import.meta.url));
const pocketModelDir = fileURLToPath(new URL("../../../../models/pocket", import.meta.url));

/** Random-weight checkpoints: Llama with different head, group and tie settings, then one or two a family. */
export const goldenModels = [
  "multi-head-untied",
  "grouped-tied",
  "wide-heads",
  "single-kv-head",
  "llama3-rope-biases",
  "mistral",
  "qwen2",
  "qwen2-yarn",
  "qwen3",
  "smollm3",
  "phi3",
  "phi4-mini",
] as const;

type GoldenName = (typeof goldenModels)[number] | "pocket";

export function readGoldenCase(name: GoldenName): Promise<GoldenCase> {
  return readGolden(name, "expected.safetensors", async (modelDir, read) => ({
    modelDir,
    prompt: [...new Int32Array(await read("prompt"))],
    logits: new Float32Array(await read("logits")),
    greedy: [...new Int32Array(await read("greedy"))],
  }));
}

/** The prompt's embedding in either pooling, [hiddenSize], of length 1. */
export function readGoldenEmbedding(name: GoldenName): Promise<Record<Pooling, Float32Array>> {
  return readGolden(name, "embedding.safetensors", async (_, read) => ({
    last: new Float32Array(await read("last")),
    mean: new Float32Array(await read("mean")),
  }));
}

async function readGolden<T>(
  name: GoldenName,
  fileName: string,
  use: (modelDir: string, read: (tensor: string) => Promise<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  const path = `${goldenDir}${name}/${fileName}`;
  const entries = await readSafetensorsHeader(path);
  const file = await open(path);
  const read = async (tensor: string): Promise<ArrayBuffer> => {
    const entry = entries.get(tensor);
    if (entry === undefined) throw new Error(`${path} has no ${tensor}`);
    return Uint8Array.from(await readExactly(file, entry.offsetBytes, entry.lengthBytes)).buffer;
  };
  try {
    const modelDir = name === "pocket" ? pocketModelDir : `${goldenDir}${name}`;
    if (!(await sha256([`${modelDir}/model.safetensors`])).equals(new Uint8Array(await read("weights")))) {
      throw new Error(`${name}: the golden vectors are those of other weights; run ${goldenDir}generate.py`);
    }
    return await use(modelDir, read);
  } finally {
    await file.close();
  }
}
