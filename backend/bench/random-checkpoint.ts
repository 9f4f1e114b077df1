// A Hugging Face directory with random weights, for benches: speed depends on a model's shape, not on what it learned. The
// weights follow from the shape's name and a seed, so that every run and every peer computes the same model.
import { access, mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseConfig } from "#engine/graph/config.ts";
import { layOutSafetensors } from "#engine/graph/safetensors-layout.ts";
import type { TensorShape } from "#engine/graph/safetensors.ts";
import { tensorShapes } from "#engine/graph/tensor-names.ts";

/** What config.json says, by the name of the model that has this shape. */
const checkpointConfigs = {
  "smollm2-135m": {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    torch_dtype: "bfloat16",
    vocab_size: 49_152,
    hidden_size: 576,
    intermediate_size: 1536,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    hidden_act: "silu",
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
    rope_theta: 100_000,
    tie_word_embeddings: true,
    attention_bias: false,
    mlp_bias: false,
    bos_token_id: 1,
    eos_token_id: 2,
  },
} as const;

export type CheckpointShape = keyof typeof checkpointConfigs;

/**
 * Returns the directory of the checkpoint under `parentDir`, which is written when it is missing: config.json and one
 * model.safetensors in bf16. There is no tokenizer.
 */
export async function randomCheckpoint(parentDir: string, shape: CheckpointShape, seed = 1): Promise<string> {
  const modelDir = join(parentDir, `${shape}-random-${seed}`);
  if (await exists(modelDir)) return modelDir;
  const unfinished = `${modelDir}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  await writeFile(join(unfinished, "config.json"), `${JSON.stringify(checkpointConfigs[shape], null, 2)}\n`);
  await writeWeights(join(unfinished, "model.safetensors"), shape, seed);
  await rename(unfinished, modelDir).catch(async (thrown: unknown) => {
    // Another process was faster.
    await rm(unfinished, { recursive: true });
    if (!(await exists(modelDir))) throw thrown;
  });
  return modelDir;
}

async function writeWeights(path: string, shape: CheckpointShape, seed: number): Promise<void> {
  const shapes = new Map<string, TensorShape>();
  for (const [name, dims] of tensorShapes(parseConfig(checkpointConfigs[shape]))) {
    shapes.set(name, { dtype: "BF16", shape: dims });
  }
  const { bytes, entries } = layOutSafetensors(shapes);
  const file = await open(path, "wx");
  try {
    await file.write(bytes, 0, bytes.length, 0);
    let stream = 0;
    for (const { shape: dims, offsetBytes, lengthBytes } of entries.values()) {
      const weights = randomWeights(dims, mix(seed, stream++));
      await file.write(new Uint8Array(weights.buffer), 0, lengthBytes, offsetBytes);
    }
  } finally {
    await file.close();
  }
}

/** Vectors, which are norms, are ones; a matrix keeps the variance of what it is multiplied with. As bf16. */
function randomWeights(dims: readonly number[], seed: number): Uint16Array {
  const length = dims.reduce((product, dim) => product * dim, 1);
  if (dims.length === 1) return new Uint16Array(length).fill(0x3f80);
  const bits = new Uint32Array(1);
  const number = new Float32Array(bits.buffer);
  const halfWidth = Math.sqrt(3 / (dims.at(-1) ?? 1));
  const weights = new Uint16Array(length);
  let state = seed | 1;
  for (let index = 0; index < length; index++) {
    // xorshift32 (Marsaglia 2003); its state is never zero.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    number[0] = (state / 2 ** 31) * halfWidth;
    // The upper half of a float32 is a bf16, rounded towards zero.
    weights[index] = (bits[0] ?? 0) >>> 16;
  }
  return weights;
}

/** Spreads a seed and a stream's number over 32 bits (the finalizer of MurmurHash3). */
function mix(seed: number, stream: number): number {
  let hash = Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
