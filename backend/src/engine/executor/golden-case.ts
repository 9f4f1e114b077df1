// Test support: the golden vectors of backend/test-data/golden, as generate.py there writes them.
import { open } from "node:fs/promises";
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

const goldenDir = new URL("../../../test-data/golden/", import.meta.url).pathname;
const pocketModelDir = new URL("../../../../models/pocket", import.meta.url).pathname;

/** Random-weight checkpoints: Llama with different head, group and tie settings, then one or two a family. */
export const goldenModels = [
  "multi-head-untied",
  "grouped-tied",
  "wide-heads",
  "single-kv-head",
  "llama3-rope-biases",
  "mistral",
  "qwen2",
  "qwen3",
  "smollm3",
  "phi3",
  "phi4-mini",
] as const;

export async function readGoldenCase(name: (typeof goldenModels)[number] | "pocket"): Promise<GoldenCase> {
  const path = `${goldenDir}${name}/expected.safetensors`;
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
    return {
      modelDir,
      prompt: [...new Int32Array(await read("prompt"))],
      logits: new Float32Array(await read("logits")),
      greedy: [...new Int32Array(await read("greedy"))],
    };
  } finally {
    await file.close();
  }
}
