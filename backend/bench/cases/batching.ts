// Continuous against static batching over the same engine: the same requests, whose answers have log-normal lengths, come all
// at once, or a batch at a time when the longest answer of the last is done. Static batching is measured in two forms: as it was
// before continuous batching, where an answer that is done is computed on until the longest is (Yu et al., "Orca", OSDI 2022), and
// as a stricter baseline, a batch that an answer leaves when it is done, so that only what still runs is paid for.
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
  /** Output tokens per second that were asked for; medians. */
  readonly continuous: Rate;
  /** All of a batch compute until its longest answer is done. */
  readonly static: Rate;
  /** What is done leaves its batch. */
  readonly emptying: Rate;
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
  const emptying: Rate[] = [];
  try {
    await serve(running, [outputs.slice(0, numSlots).map(() => 16)], vocabSize, { name: "warm", ends: "each" });
    for (let round = 0; round < numRounds; round++) {
      continuous.push(await serve(running, [outputs], vocabSize, { name: `continuous.${round}`, ends: "each" }));
      const batches = inBatches(outputs);
      emptying.push(await serve(running, batches, vocabSize, { name: `emptying.${round}`, ends: "each" }));
      fixed.push(await serve(running, batches, vocabSize, { name: `static.${round}`, ends: "together" }));
    }
  } finally {
    await running.stop();
  }
  const rates = { continuous: medianRate(continuous), static: medianRate(fixed), emptying: medianRate(emptying) };
  return { precision, numSlots, numRequests, ...rates };
}

interface Serving {
  /** Of the prompts: no two servings share any. */
  readonly name: string;
  /** Whether an answer ends at its own length, or at that of its batch's longest. */
  readonly ends: "each" | "together";
}

function inBatches(outputs: readonly number[]): readonly (readonly number[])[] {
  const numBatches = Math.ceil(outputs.length / numSlots);
  return Array.from({ length: numBatches }, (_, batch) => outputs.slice(batch * numSlots, (batch + 1) * numSlots));
}

/** Output tokens that were asked for over all the time, the prompts' included. */
async function serve(
  running: RunningContender,
  batches: readonly (readonly number[])[],
  vocabSize: number,
  { name, ends }: Serving,
): Promise<Rate> {
  const read = startClock(running.pid);
  for (const [batch, outputs] of batches.entries()) {
    const longest = Math.max(...outputs);
    await Promise.all(
      outputs.map((length, index) => {
        const maxTokens = ends === "each" ? length : longest;
        const promptTokenIds = drawPrompt(`${name}.${batch}.${index}`, promptTokens, vocabSize);
        return runOut(running, { slot: index, promptTokenIds, maxTokens });
      }),
    );
  }
  return read(batches.flat().reduce((sum, length) => sum + length, 0));
}
