// The one model of a comparison in every form its contenders read.
import { access, rename } from "node:fs/promises";
import { type PrecisionClass, precisionClasses } from "./contenders/contender.ts";
import { type MatrixTypes, writeLlamaGguf } from "./gguf/llama-gguf.ts";
import { randomCheckpoint } from "./random-checkpoint.ts";

export interface BenchModel {
  /** A Hugging Face directory. */
  readonly modelDir: string;
  // precision class -> GGUF file
  readonly ggufs: Readonly<Record<PrecisionClass, string>>;
}

/**
 * 4bit is what llama-quantize makes of such a checkpoint for Q4_0 (llama.cpp, src/llama-quant.cpp): the matrix that is also the output
 * projection would be Q6_K, whose blocks of 256 do not fit rows of 576, and so is Q8_0. With its `--pure` that is Q4_0, too.
 */
const blockTypes: Readonly<Record<PrecisionClass, MatrixTypes>> = {
  fp16: { layers: "F16", embedding: "F16" },
  "8bit": { layers: "Q8_0", embedding: "Q8_0" },
  "4bit": { layers: "Q4_0", embedding: "Q8_0" },
  "4bit-pure": { layers: "Q4_0", embedding: "Q4_0" },
};

/** Random weights in SmolLM2-135M's shape, written where they are missing. */
export async function prepareModel(parentDir: string): Promise<BenchModel> {
  const modelDir = await randomCheckpoint(parentDir, "smollm2-135m");
  const ggufs = { fp16: "", "8bit": "", "4bit": "", "4bit-pure": "" };
  for (const precision of precisionClasses) {
    const types = blockTypes[precision];
    ggufs[precision] = `${modelDir}.${types.layers}-${types.embedding}.gguf`;
    await ensureGguf(modelDir, types, ggufs[precision]);
  }
  return { modelDir, ggufs };
}

async function ensureGguf(modelDir: string, types: MatrixTypes, path: string): Promise<void> {
  const there = await access(path).then(
    () => true,
    () => false, // Not written yet.
  );
  if (there) return;
  await writeLlamaGguf(modelDir, types, `${path}.part`);
  await rename(`${path}.part`, path);
}
