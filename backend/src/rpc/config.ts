import { basename } from "node:path";
import * as z from "zod";
import type { ExecutorOptions } from "#engine/executor/create-executor.ts";
import { usualTileSize } from "#engine/executor/tile-size.ts";
import { leastBatchedTokens } from "#engine/scheduler/scheduler.ts";
import { maxStepLogits } from "#engine/scheduler/step-plan.ts";
import type { SpeculationParams } from "#engine/speculation/speculation-params.ts";

/** Any whole number from `least` up, written in decimal. */
function count(least: number) {
  return z.string().regex(/^\d+$/, "must be a whole number").transform(Number).pipe(z.int().min(least));
}

const port = count(0).pipe(z.int().max(65_535));

/** Smaller blocks waste less of the pool; on a GPU nobody has measured yet what they cost. */
export const usualBlockSize = { cpu: 32, webgpu: 64 } as const;
/** Tokens that the pool holds. */
export const usualPoolTokens = 32_768;

/** On the CPU more tokens at a time are no faster, and who decodes waits for them longer (docs/benchmarks.md). */
const usualBatchedTokens = { cpu: 256, webgpu: 512 } as const;

/** On the CPU guesses spare steps (docs/benchmarks.md); on WebGPU they would change outputs. */
const usualSpeculativeTokens = { cpu: 7, webgpu: 0 } as const;

const schema = z.object({
  SLUICE_ENGINE_HOST: z.string().min(1).default("127.0.0.1"),
  SLUICE_ENGINE_PORT: port.default(50_051),
  /** Names this process in metrics and logs. */
  SLUICE_ENGINE_ID: z.string().min(1).default("0"),
  /** Where /metrics is served; port 0 is off. */
  SLUICE_METRICS_HOST: z.string().min(1).default("127.0.0.1"),
  SLUICE_METRICS_PORT: port.default(0),
  /** A Hugging Face model directory. */
  SLUICE_MODEL_DIR: z.string().min(1),
  /** The name callers use; the directory's by default. */
  SLUICE_MODEL_ID: z.string().min(1).optional(),
  /** What runs the model: the processor, or the one GPU that this process sees. */
  SLUICE_DEVICE: z.enum(["cpu", "webgpu"]).default("cpu"),
  /** Of the weights: fp32 on the CPU only, fp16 on WebGPU only. */
  SLUICE_PRECISION: z.enum(["fp32", "fp16", "int8", "int4"]).default("int8"),
  /** Tokens a KV block holds, at least 32 on WebGPU; by default `usualBlockSize`. On the CPU attention takes 64 tokens, so whole blocks, at a time. */
  SLUICE_BLOCK_SIZE: count(16)
    .refine((size) => usualTileSize % size === 0, "must be 16, 32 or 64")
    .optional(),
  /** By default as many as hold `usualPoolTokens`. */
  SLUICE_NUM_BLOCKS: count(1).optional(),
  /** Whether requests of one salt share the blocks of equal prefixes. */
  SLUICE_PREFIX_CACHING: z.enum(["on", "off"]).default("on"),
  /** Tokens of a sequence guessed ahead in one step at most, from what its prompt and output repeat; 0 guesses none. By default `usualSpeculativeTokens`. */
  SLUICE_NUM_SPECULATIVE_TOKENS: count(0).pipe(z.int().max(31)).optional(),
  /** Tokens that have to be the same for what followed them to be guessed to follow again: the most that are looked up, and the least. */
  SLUICE_PROMPT_LOOKUP_MAX: count(1).pipe(z.int().max(16)).default(4),
  SLUICE_PROMPT_LOOKUP_MIN: count(1).pipe(z.int().max(16)).default(2),
  /** Tokens of prompt and output; the model's own limit by default. */
  SLUICE_MAX_MODEL_LEN: count(2).optional(),
  /** Tokens one step computes at most; by default `usualBatchedTokens`, or the least that the other limits allow. */
  SLUICE_MAX_NUM_BATCHED_TOKENS: count(1).optional(),
  SLUICE_MAX_NUM_SEQS: count(1).default(64),
  SLUICE_MAX_QUEUED_REQUESTS: count(1).default(256),
  SLUICE_MAX_QUEUED_TOKENS: count(1).default(131_072),
  /**
   * Tokens that callers have not read yet, of all calls together, each likely token that is told beside one counted too: some 40
   * bytes each. Past it the calls of which most is unread are given up.
   */
  SLUICE_MAX_UNREAD_TOKENS: count(1).default(2_097_152),
  /**
   * On the CPU, what weights, KV pool and scratch may take together; most of what is free at start by default. On WebGPU,
   * what weights and KV pool may take of the device's memory; unbounded by default, since nobody can ask how much there is.
   */
  SLUICE_MEMORY_BUDGET_BYTES: count(1).optional(),
  /** Threads one forward pass uses on the CPU. */
  SLUICE_NUM_THREADS: count(1).default(1),
  /** Where quantized weights are kept between starts. */
  SLUICE_CACHE_DIR: z.string().min(1).default(".sluice/cache"),
  /** Of a grammar's text. */
  SLUICE_MAX_GRAMMAR_BYTES: count(1).default(256 * 1024),
  /** A grammar that takes longer to compile is refused. */
  SLUICE_GRAMMAR_TIMEOUT_MS: count(1).default(10_000),
  /** Of the compiled grammars that are kept; one may take a quarter of it. Those of a vocabulary of 150,000 take about 10 MiB each. */
  SLUICE_GRAMMAR_CACHE_BYTES: count(64 * 1024)
    .pipe(z.int().max(1024 * 1024 * 1024))
    .default(128 * 1024 * 1024),
  /** How long running sequences may take to finish after SIGTERM. */
  SLUICE_DRAIN_GRACE_MS: count(0).default(25_000),
  SLUICE_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
});

/**
 * The engine's settings out of the environment. An empty variable counts as absent.
 *
 * @throws Error of one line that names the variable at fault.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>> = process.env) {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const result = schema.safeParse(present);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new Error(`${issue?.path.join(".")}: ${issue?.message}`);
  }
  const values = result.data;
  const executor = executorOptions(values);
  const leastTokens = leastBatchedTokens(values.SLUICE_MAX_NUM_SEQS, executor.blockSize);
  const maxNumBatchedTokens =
    values.SLUICE_MAX_NUM_BATCHED_TOKENS ?? Math.max(usualBatchedTokens[values.SLUICE_DEVICE], leastTokens);
  if (maxNumBatchedTokens < leastTokens) {
    throw new Error(
      `SLUICE_MAX_NUM_BATCHED_TOKENS: must be at least ${leastTokens} with this block size and SLUICE_MAX_NUM_SEQS`,
    );
  }
  return {
    host: values.SLUICE_ENGINE_HOST,
    port: values.SLUICE_ENGINE_PORT,
    engineId: values.SLUICE_ENGINE_ID,
    metricsHost: values.SLUICE_METRICS_HOST,
    metricsPort: values.SLUICE_METRICS_PORT,
    modelId: values.SLUICE_MODEL_ID ?? basename(values.SLUICE_MODEL_DIR),
    executor,
    limits: {
      maxNumBatchedTokens,
      maxNumSeqs: values.SLUICE_MAX_NUM_SEQS,
      maxQueuedRequests: values.SLUICE_MAX_QUEUED_REQUESTS,
      maxQueuedTokens: values.SLUICE_MAX_QUEUED_TOKENS,
    },
    grammars: {
      modelDir: values.SLUICE_MODEL_DIR,
      arena: {
        arenaBytes: values.SLUICE_GRAMMAR_CACHE_BYTES,
        maxGrammarBytes: Math.floor(values.SLUICE_GRAMMAR_CACHE_BYTES / 4),
      },
    },
    grammarLimits: { maxTextBytes: values.SLUICE_MAX_GRAMMAR_BYTES, timeoutMs: values.SLUICE_GRAMMAR_TIMEOUT_MS },
    prefixCaching: values.SLUICE_PREFIX_CACHING === "on",
    ...speculationOf(values),
    maxUnreadTokens: values.SLUICE_MAX_UNREAD_TOKENS,
    drainGraceMs: values.SLUICE_DRAIN_GRACE_MS,
    logLevel: values.SLUICE_LOG_LEVEL,
  };
}

function numSpeculativeTokensOf(values: z.infer<typeof schema>): number {
  return values.SLUICE_NUM_SPECULATIVE_TOKENS ?? usualSpeculativeTokens[values.SLUICE_DEVICE];
}

/** @throws Error of one line that names the variable at fault. */
function speculationOf(values: z.infer<typeof schema>): { readonly speculation?: SpeculationParams } {
  const { SLUICE_PROMPT_LOOKUP_MAX: promptLookupMax, SLUICE_PROMPT_LOOKUP_MIN: promptLookupMin } = values;
  const numSpeculativeTokens = numSpeculativeTokensOf(values);
  if (promptLookupMin > promptLookupMax) {
    throw new Error("SLUICE_PROMPT_LOOKUP_MIN: must not be greater than SLUICE_PROMPT_LOOKUP_MAX");
  }
  if (numSpeculativeTokens === 0) return {};
  if (values.SLUICE_DEVICE === "webgpu") {
    throw new Error(
      "SLUICE_NUM_SPECULATIVE_TOKENS: must be 0 on WebGPU, where a token may change with what is computed beside it",
    );
  }
  return { speculation: { numSpeculativeTokens, promptLookupMax, promptLookupMin } };
}

/** @throws Error of one line that names a variable whose value the device does not take. */
function executorOptions(values: z.infer<typeof schema>): ExecutorOptions {
  const { SLUICE_DEVICE: device, SLUICE_PRECISION: precision } = values;
  const blockSize = values.SLUICE_BLOCK_SIZE ?? usualBlockSize[device];
  const shared = {
    modelDir: values.SLUICE_MODEL_DIR,
    blockSize,
    numBlocks: values.SLUICE_NUM_BLOCKS ?? usualPoolTokens / blockSize,
    cacheDir: values.SLUICE_CACHE_DIR,
    ...(values.SLUICE_MAX_MODEL_LEN !== undefined && { maxModelLen: values.SLUICE_MAX_MODEL_LEN }),
    ...(values.SLUICE_MEMORY_BUDGET_BYTES !== undefined && { memoryBudgetBytes: values.SLUICE_MEMORY_BUDGET_BYTES }),
  };
  switch (device) {
    case "cpu":
      if (precision === "fp16") throw new Error("SLUICE_PRECISION: must be fp32, int8 or int4 on the CPU");
      return {
        ...shared,
        device,
        precision,
        numThreads: values.SLUICE_NUM_THREADS,
        maxNumLogits: maxStepLogits(values.SLUICE_MAX_NUM_SEQS),
      };
    case "webgpu":
      if (precision === "fp32") throw new Error("SLUICE_PRECISION: must be fp16, int8 or int4 on WebGPU");
      if (blockSize < 32) throw new Error("SLUICE_BLOCK_SIZE: must be 32 or 64 on WebGPU");
      return { ...shared, device, precision };
  }
}
