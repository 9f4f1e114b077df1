import type { InferenceSession } from "onnxruntime-node";
import { candidateLogitsName } from "#engine/graph/candidate-outputs.ts";
import { hiddenStatesName, logitsName, newKeyValuesName, numCandidates } from "#engine/graph/decoder.ts";
import type { DecoderConfig } from "#engine/graph/config.ts";
import type { Precision } from "#engine/graph/linear.ts";
import { chooseMaxModelLen, loadDecoder, openModel } from "#engine/graph/load-decoder.ts";
import type { RowMultiples } from "#engine/graph/matrix-groups.ts";
import { readPooling } from "#engine/graph/pooling.ts";
import { embeddingName } from "#engine/graph/tensor-names.ts";
import { BlockPlaces } from "./block-places.ts";
import { checkBatch } from "./check-batch.ts";
import type { Executor, ExecutorSpec, ScheduledSequence } from "./executor.ts";
import { findExactNumbers } from "./exact-products.ts";
import { fillCandidates } from "./fill-candidates.ts";
import { checkFinite } from "./finite-check.ts";
import { KvPool } from "./kv-pool.ts";
import { checkMemory, defaultMemoryBudgetBytes } from "./memory-budget.ts";
import { openSession } from "./native-session.ts";
import { layRows } from "./row-layout.ts";
import { probeModel } from "./probe-model.ts";
import { RunFeedWriter } from "./run-feeds.ts";
import { splitStep } from "./split-step.ts";
import type { Span } from "./split-step.ts";
import { planTiles } from "./tile-plan.ts";
import { usualTileSize } from "./tile-size.ts";
import { checkZeroCopyInputs } from "./zero-copy-check.ts";

export interface CpuExecutorOptions {
  /** A Hugging Face directory: config.json and safetensors. */
  readonly modelDir: string;
  readonly precision: Precision;
  /** Tokens a KV block holds. */
  readonly blockSize: number;
  /** Tokens that attention takes together, a multiple of blockSize; `usualTileSize`, or a larger block, when absent. */
  readonly tileSize?: number;
  readonly numBlocks: number;
  /** No more than the model was trained for; absent means all of it. */
  readonly maxModelLen?: number;
  /** Threads of the native run, the calling one included. */
  readonly numThreads: number;
  /** What weights, KV pool and scratch may take together; absent means most of what is free. */
  readonly memoryBudgetBytes?: number;
  /** Tokens of a step whose logits may be wanted; counts for the memory plan only. */
  readonly maxNumLogits?: number;
  /** Where quantized weights are kept; made when missing. Not used for fp32. */
  readonly cacheDir: string;
  /** See `NativeSessionOptions`. */
  readonly profilePrefix?: string;
  /** Called while weights are quantized, which happens once per checkpoint and precision. */
  readonly onProgress?: (numDone: number, numAll: number) => void;
}

const usualNumLogits = 128;

/**
 * Loads a checkpoint and its pool. Each step blocks the calling thread: give the executor a thread of its own.
 *
 * @throws MemoryBudgetError before anything large is read or allocated, when it would not fit.
 * @throws UnsupportedModelError or CheckpointError, of one line that says what to do, when the directory cannot be served.
 */
export async function createCpuExecutor(options: CpuExecutorOptions): Promise<Executor> {
  await checkZeroCopyInputs();
  const model = await openModel(options.modelDir);
  const pooling = await readPooling(options.modelDir);
  const maxModelLen = chooseMaxModelLen(model.config, options.maxModelLen);
  const { numThreads, blockSize, numBlocks, maxNumLogits = usualNumLogits } = options;
  const tileSize = options.tileSize ?? Math.max(usualTileSize, blockSize);
  if (tileSize % blockSize !== 0)
    throw new RangeError(`tiles of ${tileSize} tokens are no whole blocks of ${blockSize}`);
  const budgetBytes = options.memoryBudgetBytes ?? defaultMemoryBudgetBytes();
  const embeddingBytes = model.checkpoint.tensors.get(embeddingName)?.lengthBytes ?? 0;
  checkMemory(model.config, { ...options, tileSize, embeddingBytes, maxModelLen, maxNumLogits }, budgetBytes);
  const decoder = await loadDecoder(model, {
    ...options,
    tileSize,
    maxModelLen,
    exactNumbers: await findExactNumbers(),
  });
  const { profilePrefix } = options;
  const session = await openSession(decoder.model, {
    numThreads,
    weightsFolder: decoder.weightsFolder,
    ...(profilePrefix !== undefined && { profilePrefix }),
  });
  const executor = new CpuExecutor(model.config, session, decoder.rowMultiples, {
    vocabSize: model.config.vocabSize,
    maxModelLen,
    blockSize,
    tileSize,
    numBlocks,
    embedding: { size: model.config.hiddenSize, pooling },
    numCandidates: numCandidates(model.config),
  });
  try {
    await probeModel(executor);
  } catch (thrown) {
    await executor.close();
    throw thrown;
  }
  return executor;
}

class CpuExecutor implements Executor {
  readonly spec: ExecutorSpec;
  readonly #config: DecoderConfig;
  readonly #session: InferenceSession;
  readonly #pool: KvPool;
  readonly #places: BlockPlaces;
  readonly #rowMultiples: RowMultiples;
  readonly #feeds: RunFeedWriter;
  /** The last step's. */
  #logits: Float32Array | undefined;

  constructor(config: DecoderConfig, session: InferenceSession, rowMultiples: RowMultiples, spec: ExecutorSpec) {
    this.#rowMultiples = rowMultiples;
    this.spec = spec;
    this.#config = config;
    this.#session = session;
    this.#pool = new KvPool({ ...config, ...spec });
    this.#places = new BlockPlaces(this.#pool.numTiles, this.#pool.blocksPerTile);
    this.#feeds = new RunFeedWriter(config, spec, rowMultiples.logits, this.#pool);
  }

  async execute(batch: readonly ScheduledSequence[]): Promise<Float32Array> {
    checkBatch(batch, this.spec);
    if (this.#logits !== undefined) free(this.#logits);
    this.#logits = undefined;
    const runs = splitStep(this.#place(batch));
    const [onlyRun] = runs;
    // The logits of a single run are already in batch order.
    if (runs.length === 1 && onlyRun !== undefined) {
      this.#logits = (await this.#run(onlyRun)).logits;
      return this.#logits;
    }

    const { vocabSize } = this.spec;
    const logits = new Float32Array(batch.reduce((sum, { numLogits }) => sum + numLogits, 0) * vocabSize);
    this.#logits = logits;
    for (const run of runs) {
      const result = await this.#run(run);
      for (const [row, index] of result.logitsIndexes.entries()) {
        logits.set(result.logits.subarray(row * vocabSize, (row + 1) * vocabSize), index * vocabSize);
      }
      free(result.logits);
    }
    return logits;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  /** The batch with the places of its blocks, after moving those of decodes closer together. */
  #place(batch: readonly ScheduledSequence[]): readonly ScheduledSequence[] {
    const { blockSize } = this.spec;
    const tables = batch
      .filter(({ tokenIds }) => tokenIds.length === 1)
      .map(({ blockTable, numComputedTokens }) => blockTable.slice(0, Math.ceil(numComputedTokens / blockSize)));
    for (const [a, b] of this.#places.moveTogether(tables)) this.#pool.swap(a, b);
    return batch.map((sequence) => ({ ...sequence, blockTable: this.#places.placesOf(sequence.blockTable) }));
  }

  /** One native run; stores the spans' K/V when all is well. */
  async #run(spans: readonly Span[]): Promise<RunResult> {
    const { blockSize, tileSize, vocabSize, numCandidates: count = 0 } = this.spec;
    const { numKvHeads, headDim, hiddenSize } = this.#config;
    const layout = layRows(spans, blockSize, this.#rowMultiples.tokens);
    const plan = planTiles(layout.spans, layout.numRows, { blockSize, tileSize, numTiles: this.#pool.numTiles });
    const outputs = await this.#session.run(this.#feeds.write(layout, plan));
    const logits = floats(outputs[logitsName]?.data);
    const newKeyValues = floats(outputs[newKeyValuesName]?.data);
    const hiddenStates = floats(outputs[hiddenStatesName]?.data);
    const { logitsIndexes } = layout;
    // Candidates have all rows of logits, those handed over first.
    const candidateLogits = floats(outputs[candidateLogitsName]?.data).subarray(logitsIndexes.length * count);

    const sizes = { vocabSize, numCandidates: count, keyLength: numKvHeads * headDim, hiddenSize };
    checkFinite(spans, layout, { logits, candidateLogits, newKeyValues, hiddenStates, ...sizes });
    this.#pool.store(newKeyValues, layout.numRows, layout.slots);
    free(newKeyValues);
    for (const [index, target] of layout.hiddenStates.entries()) {
      target.set(hiddenStates.subarray(index * hiddenSize, (index + 1) * hiddenSize));
    }
    for (const [index, candidates] of layout.candidates.entries()) {
      fillCandidates(candidates, outputs, logitsIndexes.length + index);
    }
    return { logits, logitsIndexes };
  }
}

interface RunResult {
  readonly logits: Float32Array; // [logitsIndexes.length, vocabSize]
  /** Index in the step's result of each row of logits. */
  readonly logitsIndexes: readonly number[];
}

function floats(data: unknown): Float32Array {
  if (!(data instanceof Float32Array)) throw new TypeError("the native run gave no float32 tensor");
  return data;
}

/**
 * Gives back the memory of a run's output at once. Outputs are large and made anew by each run: left to the garbage collector
 * they make it run five times as often, and the next run's come from memory that no cache holds.
 */
function free({ buffer }: Float32Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
