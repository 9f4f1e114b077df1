// How much of the KV blocks that running sequences own holds nothing: only their last blocks can be part empty.
import type { PrecisionClass } from "../contenders/contender.ts";
import { cpuMsOf } from "../contenders/process-cpu.ts";
import { type RunningSluice, startSluice } from "../contenders/sluice.ts";
import { drawPrompt, logNormalLengths } from "../workload.ts";

export interface KvWaste {
  readonly blockSize: number;
  /** Of a sequence's prompt and output, over all sequences and readings. */
  readonly meanTokens: number;
  /** Share of owned slots that hold no token, 0 to 1; the mean over readings. */
  readonly waste: number;
  /** Output tokens per second of processor time meanwhile: what the block size costs. */
  readonly tokensPerCpuSecond: number;
}

/** One moment at which every sequence decodes. */
interface Reading {
  readonly cpuMs: number;
  /** Of all sequences, prompts and outputs. */
  readonly numTokens: number;
  /** Of the blocks they own. */
  readonly numSlots: number;
}

const numSequences = 32;
const outputTokens = 96;
const maxPromptTokens = 1024;
const promptLengths = logNormalLengths(numSequences, 280, 0.6, maxPromptTokens);

export async function measureKvWaste(
  modelDir: string,
  cacheDir: string,
  precision: PrecisionClass,
  blockSize: number,
  vocabSize: number,
): Promise<KvWaste> {
  const running = await startSluice(modelDir, cacheDir, {
    precision,
    blockSize,
    numThreads: 1,
    numSequences,
    maxSequenceTokens: maxPromptTokens + outputTokens,
  });
  try {
    return { blockSize, ...(await readWhileDecoding(running, blockSize, vocabSize)) };
  } finally {
    await running.stop();
  }
}

async function readWhileDecoding(
  running: RunningSluice,
  blockSize: number,
  vocabSize: number,
): Promise<Omit<KvWaste, "blockSize">> {
  const readings: Reading[] = [];
  const received = promptLengths.map(() => 0);
  const done = new AbortController();
  const reading = readLoads();
  try {
    await Promise.all(
      promptLengths.map(async (length, slot) => {
        const promptTokenIds = drawPrompt(`waste.${slot}`, length, vocabSize);
        for await (const ids of running.generate({ slot, promptTokenIds, maxTokens: outputTokens })) {
          received[slot] = (received[slot] ?? 0) + ids.length;
        }
      }),
    );
  } finally {
    done.abort();
    await reading;
  }
  const [first, last] = [readings[0], readings.at(-1)];
  if (first === undefined || last === undefined) throw new Error("no moment at which all sequences decoded");
  return {
    meanTokens: mean(readings.map(({ numTokens }) => numTokens / numSequences)),
    waste: mean(readings.map(({ numTokens, numSlots }) => 1 - numTokens / numSlots)),
    tokensPerCpuSecond: (1000 * (last.numTokens - first.numTokens)) / (last.cpuMs - first.cpuMs),
  };

  async function readLoads(): Promise<void> {
    try {
      for await (const load of running.client.watch(false, 60_000, done.signal)) {
        if (load.numRunning < numSequences || received.includes(0)) continue;
        const numTokens = [...promptLengths, ...received].reduce((sum, count) => sum + count, 0);
        const numSlots = (load.numBlocks - load.numFreeBlocks) * blockSize;
        readings.push({ cpuMs: cpuMsOf(running.pid), numTokens, numSlots });
      }
    } catch (error) {
      if (!done.signal.aborted) throw error;
    }
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
