import { Engine } from "#engine/engine.ts";
import { createCpuExecutor } from "#engine/executor/cpu-executor.ts";
import type { Executor, ExecutorSpec } from "#engine/executor/executor.ts";
import type { StepWork } from "#engine/step-work.ts";
import { usualBlockSize } from "#rpc/config.ts";
import { median } from "../measure.ts";
import { makeRequest, runToEnd } from "../workload.ts";

/** How long a step takes, in milliseconds: a part for every step, and one for each token of either kind. */
export interface StepCost {
  readonly stepMs: number;
  readonly prefillMsPerToken: number;
  readonly decodeMsPerSequence: number;
}

export function costMs(cost: StepCost, work: StepWork): number {
  return cost.stepMs + cost.prefillMsPerToken * work.numPrefillTokens + cost.decodeMsPerSequence * work.numDecodeTokens;
}

export interface MeasuredModel {
  readonly modelDir: string;
  readonly cacheDir: string;
  /** Tokens behind which prompts and decodes are timed. */
  readonly contextLength: number;
}

const limits = { maxNumBatchedTokens: 512, maxNumSeqs: 64, maxQueuedRequests: 64, maxQueuedTokens: 1 << 20 };
const fewDecodes = 2;
const manyDecodes = 16;
/** Enough for the first sequences to decode still when the last one's prompt is computed. */
const maxTokens = 96;

/** Times a real model's steps, in processor time: prompts, and decodes of few and of many sequences. */
export async function measureStepCost({ modelDir, cacheDir, contextLength }: MeasuredModel): Promise<StepCost> {
  const executor = await createCpuExecutor({
    modelDir,
    precision: "int8",
    blockSize: usualBlockSize.cpu,
    numBlocks: (manyDecodes + 1) * Math.ceil((contextLength + maxTokens) / usualBlockSize.cpu),
    numThreads: 1,
    cacheDir,
  });
  const few = await timeSteps(executor, fewDecodes, contextLength);
  const many = await timeSteps(executor, manyDecodes, contextLength);
  await executor.close();
  const decodeMsPerSequence = Math.max(0, (many.decodeMs - few.decodeMs) / (manyDecodes - fewDecodes));
  const stepMs = Math.max(0, few.decodeMs - fewDecodes * decodeMsPerSequence);
  return { stepMs, decodeMsPerSequence, prefillMsPerToken: many.prefillMsPerToken };
}

/** Medians over the steps that only decode, and over those that only compute prompts. */
async function timeSteps(executor: Executor, numSequences: number, contextLength: number) {
  const engine = new Engine(executor, limits, false);
  const { vocabSize } = executor.spec;
  // Warms up.
  engine.add(makeRequest({ numPromptTokens: 64, maxTokens: 8 }, vocabSize));
  await runToEnd(engine);
  for (let index = 0; index < numSequences; index += 1) {
    engine.add(makeRequest({ numPromptTokens: contextLength, maxTokens }, vocabSize));
  }
  const decodeMs: number[] = [];
  const prefillMs: number[] = [];
  while (engine.hasWork) {
    // With one thread this is how long the step takes on a machine that has nothing else to do.
    const before = process.cpuUsage();
    await engine.step();
    const { user, system } = process.cpuUsage(before);
    const durationMs = (user + system) / 1e3;
    const { numPrefillTokens = 0, numDecodeTokens = 0 } = engine.lastWork ?? {};
    if (numPrefillTokens === 0 && numDecodeTokens === numSequences) decodeMs.push(durationMs);
    if (numPrefillTokens > 256 && numDecodeTokens === 0) prefillMs.push(durationMs / numPrefillTokens);
  }
  return { decodeMs: median(decodeMs), prefillMsPerToken: median(prefillMs) };
}

/** Gives logits of zero at no cost: what a step takes is said by a `StepCost`. */
export function executorWithoutModel(spec: ExecutorSpec, maxNumSeqs: number): Executor {
  const logits = new Float32Array(maxNumSeqs * spec.vocabSize);
  return { spec, execute: () => Promise.resolve(logits), close: () => Promise.resolve() };
}
