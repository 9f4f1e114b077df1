import type { InferenceSession } from "onnxruntime-node";
import type { DecoderConfig } from "#engine/graph/config.ts";
import type { DevicePrecision } from "#engine/graph/linear.ts";
import { chooseMaxModelLen, loadPagedDecoder, openModel } from "#engine/graph/load-decoder.ts";
import { logitsName, rowSumsName } from "#engine/graph/paged-decoder.ts";
import { checkBatch } from "#engine/executor/check-batch.ts";
import type { Executor, ExecutorSpec, ScheduledSequence } from "#engine/executor/executor.ts";
import { checkDeviceMemory } from "./device-memory.ts";
import { checkDeviceModel } from "./device-model.ts";
import { DevicePool } from "./device-pool.ts";
import { openDeviceSession } from "./device-session.ts";
import { layPagedFeeds } from "./paged-feeds.ts";
import { checkRowSums } from "./row-sums.ts";
import { splitBatch } from "./split-batch.ts";
import { checkWindows } from "./window-check.ts";

export interface WebGpuExecutorOptions {
  /** A Hugging Face directory: config.json and safetensors. */
  readonly modelDir: string;
  readonly precision: DevicePrecision;
  /** Tokens a KV block holds: a power of two from 32. */
  readonly blockSize: number;
  /** Blocks of the pool, which is taken from the device's memory at start. */
  readonly numBlocks: number;
  /** No more than the model was trained for; absent means all of it. */
  readonly maxModelLen?: number;
  /** What weights and KV pool may take of the device's memory together; absent means that nobody knows. */
  readonly memoryBudgetBytes?: number;
  /** Where quantized weights are kept; made when missing. Not used for fp16. */
  readonly cacheDir: string;
  /** Called while weights are quantized, which happens once per checkpoint and precision. */
  readonly onProgress?: (numDone: number, numAll: number) => void;
}

/**
 * Loads a checkpoint and its pool onto the device that this process sees; a process sees one. Each step blocks the calling
 * thread: give the executor a thread of its own.
 *
 * @throws UnsupportedModelError or MemoryBudgetError before anything large is read or allocated.
 */
export async function createWebGpuExecutor(options: WebGpuExecutorOptions): Promise<Executor> {
  const model = await openModel(options.modelDir);
  const { config } = model;
  const maxModelLen = chooseMaxModelLen(config, options.maxModelLen);
  const { blockSize, numBlocks, memoryBudgetBytes } = options;
  checkDeviceModel(config, blockSize);
  if (memoryBudgetBytes !== undefined) checkDeviceMemory(config, options, memoryBudgetBytes);
  await checkWindows(config);
  const decoder = await loadPagedDecoder(model, { ...options, maxModelLen });
  const session = await openDeviceSession(decoder.model, { weightsFolder: decoder.weightsFolder });
  const pool = await DevicePool.create(config, numBlocks, blockSize);
  return new WebGpuExecutor(config, session, pool, { vocabSize: config.vocabSize, maxModelLen, blockSize, numBlocks });
}

class WebGpuExecutor implements Executor {
  readonly spec: ExecutorSpec;
  readonly #config: DecoderConfig;
  readonly #session: InferenceSession;
  readonly #pool: DevicePool;

  constructor(config: DecoderConfig, session: InferenceSession, pool: DevicePool, spec: ExecutorSpec) {
    this.spec = spec;
    this.#config = config;
    this.#session = session;
    this.#pool = pool;
  }

  async execute(batch: readonly ScheduledSequence[]): Promise<Float32Array> {
    checkBatch(batch, this.spec);
    const runs = splitBatch(batch, this.#config);
    const results: Float32Array[] = [];
    let firstIndex = 0;
    for (const run of runs) {
      results.push(await this.#run(run, firstIndex));
      firstIndex += run.length;
    }
    const [only] = results;
    return results.length === 1 && only !== undefined ? only : concatenate(results);
  }

  async close(): Promise<void> {
    await this.#pool.free();
    await this.#session.release();
  }

  /** One native run. @param firstIndex index in the step's batch of the run's first sequence. */
  async #run(run: readonly ScheduledSequence[], firstIndex: number): Promise<Float32Array> {
    const { blockSize, vocabSize } = this.spec;
    const outputs = await this.#session.run({ ...layPagedFeeds(run, blockSize), ...this.#pool.feeds });
    checkRowSums(run, floats(outputs[rowSumsName]?.data), firstIndex);
    const numLogits = run.reduce((sum, sequence) => sum + sequence.numLogits, 0);
    return floats(outputs[logitsName]?.data).subarray(0, numLogits * vocabSize);
  }
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let next = 0;
  for (const part of parts) {
    whole.set(part, next);
    next += part.length;
  }
  return whole;
}

function floats(data: unknown): Float32Array {
  if (!(data instanceof Float32Array)) throw new TypeError("the native run gave no float32 tensor");
  return data;
}
