// Continuous against static batching over the same engine: the same requests, whose answers have log-normal lengths, come all
// at once, or a batch at a time when the longest answer of the last is done.
import type { PrecisionClass, RunningContender } from "../contenders/contender.ts";
import { startSluice } from "../contenders/sluice.ts";
import { medianRate, type Rate } from "../measure.ts";
import { drawPrompt, logNormalLengths } from "../workload.ts";
import { startClock } from "./clock.ts";
import { runOut } from "./prefill-and-decode.ts";

export interface Batching {
  readonly precision: PrecisionClass;
  readonly numSlots: number;
  readonly numRequests: number;
  /** Output tokens per second; medians. */
  readonly continuous: Rate;
  readonly static: Rate;
}

const numSlots = 32;
const promptTokens = 32;
const maxOutputTokens = 512;

export async function measureBatching(
  modelDir: string,
  cacheDir: string,
  precision: PrecisionClass,
  vocabSize: number,
  numRounds: number,
  numRequests: number,
): Promise<Batching> {
  const outputs = logNormalLengths(numRequests, 64, 0.8, maxOutputTokens);
  const running = await startSluice(modelDir, cacheDir, {
    precision,
    numThreads: 1,
    numSequences: numSlots,
    maxSequenceTokens: promptTokens + maxOutputTokens,
    maxQueuedRequests: numRequests,
  });
  const continuous: Rate[] = [];
  const fixed: Rate[] = [];
  try {
    await serve(running, [outputs.slice(0, numSlots).map(() => 16)], vocabSize, "warm");
    for (let round = 0; round < numRounds; round++) {
      continuous.push(await serve(running, [outputs], vocabSize, `continuous.${round}`));
      fixed.push(await serve(running, inBatches(outputs), vocabSize, `static.${round}`));
    }
  } finally {
    await running.stop();
  }
  return { precision, numSlots, numRequests, continuous: medianRate(continuous), static: medianRate(fixed) };
}

function inBatches(outputs: readonly number[]): readonly (readonly number[])[] {
  const numBatches = Math.ceil(outputs.length / numSlots);
  return Array.from({ length: numBatches }, (_, batch) => outputs.slice(batch * numSlots, (batch + 1) * numSlots));
}

/** Output tokens over all the time, the prompts' included. */
async function serve(
  running: RunningContender,
  batches: readonly (readonly number[])[],
  vocabSize: number,
  name: string,
): Promise<Rate> {
  const read = startClock(running.pid);
  for (const [batch, outputs] of batches.entries()) {
    await Promise.all(
      outputs.map((maxTokens, index) => {
        const promptTokenIds = drawPrompt(`${name}.${batch}.${index}`, promptTokens, vocabSize);
        return runOut(running, { slot: index, promptTokenIds, maxTokens });
      }),
    );
  }
  return read(batches.flat().reduce((sum, length) => sum + length, 0));
}
