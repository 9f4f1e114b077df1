import type { InferenceSession, Tensor } from "onnxruntime-node";
import type { DecoderConfig } from "#engine/graph/config.ts";
import type { DevicePrecision } from "#engine/graph/linear.ts";
import { chooseMaxModelLen, loadPagedDecoder, openModel } from "#engine/graph/load-decoder.ts";
import {
  logitsName,
  numCandidates,
  pagedHiddenStatesName,
  rowSumsName,
  totalWeightsName,
} from "#engine/graph/paged-decoder.ts";
import { readPooling } from "#engine/graph/pooling.ts";
import { checkBatch } from "#engine/executor/check-batch.ts";
import { fillCandidates } from "#engine/executor/fill-candidates.ts";
import type { Executor, ExecutorSpec, ScheduledSequence } from "#engine/executor/executor.ts";
import { checkDeviceMemory } from "./device-memory.ts";
import { checkDeviceModel } from "./device-model.ts";
import { NonFiniteStepError } from "#engine/executor/finite-check.ts";
import { DevicePool } from "./device-pool.ts";
import { openDeviceSession } from "./device-session.ts";
import { layPagedFeeds } from "./paged-feeds.ts";
import { ResidentRows } from "./resident-rows.ts";
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
  const pooling = await readPooling(options.modelDir);
  const maxModelLen = chooseMaxModelLen(config, options.maxModelLen);
  const { blockSize, numBlocks, memoryBudgetBytes } = options;
  checkDeviceModel(config, blockSize);
  if (memoryBudgetBytes !== undefined) checkDeviceMemory(config, options, memoryBudgetBytes);
  await checkWindows(config);
  const decoder = await loadPagedDecoder(model, { ...options, maxModelLen });
  const residentOutputs = [logitsName, pagedHiddenStatesName];
  const session = await openDeviceSession(decoder.model, { weightsFolder: decoder.weightsFolder, residentOutputs });
  const pool = await DevicePool.create(config, numBlocks, blockSize);
  const logits = await ResidentRows.create(config.vocabSize);
  const hiddenStates = await ResidentRows.create(config.hiddenSize);
  return new WebGpuExecutor(
    config,
    { session, pool, logits, hiddenStates },
    {
      vocabSize: config.vocabSize,
      maxModelLen,
      blockSize,
      tileSize: blockSize,
      numBlocks,
      embedding: { size: config.hiddenSize, pooling },
      numCandidates: numCandidates(config),
    },
  );
}

/** What lies on the device. */
interface Resident {
  readonly session: InferenceSession;
  readonly pool: DevicePool;
  readonly logits: ResidentRows;
  readonly hiddenStates: ResidentRows;
}

class WebGpuExecutor implements Executor {
  readonly spec: ExecutorSpec;
  readonly #config: DecoderConfig;
  readonly #resident: Resident;
  // index in the last step's batch -> where the logits behind its candidates lie
  readonly #behindCandidates = new Map<number, { readonly run: number; readonly row: number }>();

  constructor(config: DecoderConfig, resident: Resident, spec: ExecutorSpec) {
    this.spec = spec;
    this.#config = config;
    this.#resident = resident;
  }

  async execute(batch: readonly ScheduledSequence[]): Promise<Float32Array> {
    checkBatch(batch, this.spec);
    this.#resident.logits.clear();
    this.#resident.hiddenStates.clear();
    this.#behindCandidates.clear();
    const results: Float32Array[] = [];
    let firstIndex = 0;
    for (const run of splitBatch(batch, this.#config)) {
      results.push(await this.#run(run, firstIndex));
      firstIndex += run.length;
    }
    return concatenate(results);
  }

  async fetchLogits(batchIndexes: readonly number[]): Promise<Float32Array> {
    const rows: Float32Array[] = [];
    for (const index of batchIndexes) {
      const place = this.#behindCandidates.get(index);
      if (place === undefined) throw new RangeError(`sequence ${index} of the last step had no candidates`);
      rows.push(await this.#resident.logits.read(place.run, [place.row]));
    }
    return concatenate(rows);
  }

  async close(): Promise<void> {
    const { session, pool, logits, hiddenStates } = this.#resident;
    await logits.close();
    await hiddenStates.close();
    await pool.free();
    await session.release();
  }

  /** One native run; fills candidates and hidden states, and returns the wanted logits. @param firstIndex index in the step's batch of its first sequence. */
  async #run(run: readonly ScheduledSequence[], firstIndex: number): Promise<Float32Array> {
    const { session, pool, logits, hiddenStates } = this.#resident;
    const outputs = await session.run({ ...layPagedFeeds(run, this.spec.blockSize), ...pool.feeds });
    const runNumber = logits.keep(tensor(outputs[logitsName]));
    hiddenStates.keep(tensor(outputs[pagedHiddenStatesName]));
    checkRowSums(run, floats(outputs[rowSumsName]?.data), firstIndex);
    const targets = run.flatMap((sequence) => sequence.hiddenStates ?? []);
    handOver(await hiddenStates.read(runNumber, [...targets.keys()]), targets);

    const wantedRows: number[] = [];
    let row = 0;
    for (const [index, { numLogits, candidates }] of run.entries()) {
      for (let wanted = 0; wanted < numLogits; wanted++) wantedRows.push(row++);
      if (candidates === undefined) continue;
      fillCandidates(candidates, outputs, row);
      candidates.totalWeight = floats(outputs[totalWeightsName]?.data)[row] ?? NaN;
      // Hidden states that are finite may still give logits beyond float16.
      if (!Number.isFinite(candidates.logits[0])) throw new NonFiniteStepError([firstIndex + index]);
      this.#behindCandidates.set(firstIndex + index, { run: runNumber, row: row++ });
    }
    return logits.read(runNumber, wantedRows);
  }
}

/** Fills each target with its row; rows come in the targets' order. */
function handOver(rows: Float32Array, targets: readonly Float32Array[]): void {
  let next = 0;
  for (const target of targets) target.set(rows.subarray(next, (next += target.length)));
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let next = 0;
  for (const part of parts) {
    whole.set(part, next);
    next += part.length;
  }
  return whole;
}

function tensor(output: Tensor | undefined): Tensor {
  if (output === undefined) throw new TypeError("the native run left an output out");
  return output;
}

function floats(data: unknown): Float32Array {
  if (!(data instanceof Float32Array)) throw new TypeError("the native run gave no float32 tensor");
  return data;
}
