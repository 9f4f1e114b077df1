// Test support: the executors that the same tests hold to their promises, and what each promises.
import type { ExecutorOptions } from "./create-executor.ts";
import { goldenModels } from "./golden-case.ts";
import { missingDevice } from "./webgpu/missing-device.ts";

export interface ExecutorUnderTest {
  readonly name: string;
  /** Why it cannot run here; absent when it can. */
  readonly missing: string | undefined;
  readonly blockSize: number;
  /** Checkpoints of the golden vectors that it takes, or some of them where each costs a minute of compiling shaders. */
  readonly models: readonly ((typeof goldenModels)[number] | "pocket")[];
  /** Prompt tokens a step, beside all at once. On lavapipe the first chunk of 2 to 31 tokens compiles for long. */
  readonly chunks: readonly number[];
  /** Bounds the difference of any logit from those that transformers computes in float32. */
  readonly tolerance: number;
  /** Of the golden greedy tokens, how many are the likeliest after those before them. */
  readonly leastTopOneShare: number;
  /** Bounds what is missing to 1 in the cosine of an embedding and transformers' in float32. */
  readonly embeddingTolerance: number;
  readonly options: (
    modelDir: string,
    pool: { readonly numBlocks: number; readonly cacheDir: string },
  ) => ExecutorOptions;
}

const cpu: ExecutorUnderTest = {
  name: "CPU in fp32",
  missing: undefined,
  blockSize: 16,
  models: [...goldenModels, "pocket"],
  chunks: [1, 5, 24],
  tolerance: 1e-3,
  leastTopOneShare: 1,
  embeddingTolerance: 1e-6,
  options: (modelDir, pool) => ({
    device: "cpu",
    modelDir,
    precision: "fp32",
    blockSize: 16,
    tileSize: 32,
    // Named, because a LongRoPE model keeps to its original positions when nothing is.
    maxModelLen: 1024,
    numThreads: 1,
    ...pool,
  }),
};

// float16 keeps eleven bits: of the logits of random weights, which spread over several units, .07 to .13 were seen to be lost,
// and 79 or 80 of 80 tokens kept.
const webgpu: ExecutorUnderTest = {
  name: "WebGPU in fp16",
  missing: await missingDevice(),
  blockSize: 32,
  models: ["llama3-rope-biases", "qwen3", "phi4-mini", "pocket"],
  chunks: [1],
  tolerance: 0.2,
  leastTopOneShare: 0.95,
  embeddingTolerance: 1e-4,
  options: (modelDir, pool) => ({
    device: "webgpu",
    modelDir,
    precision: "fp16",
    blockSize: 32,
    maxModelLen: 1024,
    ...pool,
  }),
};

export const executorsUnderTest: readonly ExecutorUnderTest[] = [cpu, webgpu];
