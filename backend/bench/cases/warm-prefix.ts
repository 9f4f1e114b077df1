// What a prompt costs when most of it was computed before.
import { cpuMsOf } from "../contenders/process-cpu.ts";
import type { Contender, PrecisionClass } from "../contenders/contender.ts";
import { median } from "../measure.ts";
import { drawPrompt } from "../workload.ts";
import { runOut } from "./prefill-and-decode.ts";

export interface WarmPrefix {
  readonly contender: string;
  readonly precision: PrecisionClass;
  /** Processor time of a whole request of one output token; medians. */
  readonly coldMs: number;
  readonly warmMs: number;
}

export const promptTokens = 528;
export const cachedTokens = 512;
/** A warm request is short: many together are measured at once. */
const numWarm = 24;

export async function measureWarmPrefix(
  contender: Contender,
  precision: PrecisionClass,
  vocabSize: number,
  numRounds: number,
): Promise<WarmPrefix> {
  // The blocks of the last prompts would push each other out of a pool for one sequence.
  const setup = { precision, numThreads: 1, numSequences: 1, maxSequenceTokens: 4 * promptTokens };
  const running = await contender.start(setup);
  const request = (promptTokenIds: readonly number[]): Promise<unknown> =>
    runOut(running, { slot: 0, promptTokenIds, maxTokens: 1 });
  const coldMs: number[] = [];
  const warmMs: number[] = [];
  try {
    for (let round = 0; round <= numRounds; round++) {
      const prompt = drawPrompt(`cold.${round}`, promptTokens, vocabSize);
      const startMs = cpuMsOf(running.pid);
      await request(prompt);
      const coldEndMs = cpuMsOf(running.pid);
      for (let turn = 0; turn < numWarm; turn++) {
        const question = drawPrompt(`warm.${round}.${turn}`, promptTokens - cachedTokens, vocabSize);
        await request([...prompt.slice(0, cachedTokens), ...question]);
      }
      if (round === 0) continue; // Warms up.
      coldMs.push(coldEndMs - startMs);
      warmMs.push((cpuMsOf(running.pid) - coldEndMs) / numWarm);
    }
  } finally {
    await running.stop();
  }
  return { contender: contender.name, precision, coldMs: median(coldMs), warmMs: median(warmMs) };
}
