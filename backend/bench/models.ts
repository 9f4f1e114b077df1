// The one model of a comparison in every form its contenders read.
import { access, rename } from "node:fs/promises";
import type { PrecisionClass } from "./contenders/contender.ts";
import type { BlockType } from "./gguf/block-types.ts";
import { writeLlamaGguf } from "./gguf/llama-gguf.ts";
import { randomCheckpoint } from "./random-checkpoint.ts";

export interface BenchModel {
  /** A Hugging Face directory. */
  readonly modelDir: string;
  // precision class -> GGUF file
  readonly ggufs: Readonly<Record<PrecisionClass, string>>;
}

const blockTypes: Readonly<Record<PrecisionClass, BlockType>> = { fp16: "F16", "8bit": "Q8_0", "4bit": "Q4_0" };

/** Random weights in SmolLM2-135M's shape, written where they are missing. */
export async function prepareModel(parentDir: string): Promise<BenchModel> {
  const modelDir = await randomCheckpoint(parentDir, "smollm2-135m");
  const ggufs = { fp16: "", "8bit": "", "4bit": "" };
  for (const [precision, type] of Object.entries(blockTypes) as [PrecisionClass, BlockType][]) {
    ggufs[precision] = `${modelDir}.${type}.gguf`;
    await ensureGguf(modelDir, type, ggufs[precision]);
  }
  return { modelDir, ggufs };
}

async function ensureGguf(modelDir: string, type: BlockType, path: string): Promise<void> {
  const there = await access(path).then(
    () => true,
    () => false, // Not written yet.
  );
  if (there) return;
  await writeLlamaGguf(modelDir, type, `${path}.part`);
  await rename(`${path}.part`, path);
}
