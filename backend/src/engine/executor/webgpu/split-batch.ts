// A step is one run of the graph, however prompts and decodes mix, unless a layer has a window: then the kernel copies the K
// and V of all sequences, padded to the longest, and the queries likewise, and a copy must fit one buffer of the device.
import type { DecoderConfig } from "#engine/graph/config.ts";
import type { ScheduledSequence } from "#engine/executor/executor.ts";

/** The least limit on a buffer that a WebGPU device may have (WebGPU, "maxStorageBufferBindingSize"). */
const maxBufferBytes = 128 * 1024 * 1024;
const halfBytes = 2;

/** The batch in consecutive runs; a sequence too long to fit by itself gets a run of its own and the kernel's word on it. */
export function splitBatch(
  batch: readonly ScheduledSequence[],
  config: DecoderConfig,
  limitBytes = maxBufferBytes,
): readonly (readonly ScheduledSequence[])[] {
  if (config.layers.every(({ window }) => window === undefined)) return [batch];
  const runs: ScheduledSequence[][] = [];
  for (const sequence of batch) {
    const run = runs.at(-1);
    if (run !== undefined && paddedBytes([...run, sequence], config) <= limitBytes) run.push(sequence);
    else runs.push([sequence]);
  }
  return runs;
}

/** Size of the larger of the copies: of keys (or values), and of queries. */
function paddedBytes(run: readonly ScheduledSequence[], { numHeads, numKvHeads, headDim }: DecoderConfig): number {
  const mostTokens = Math.max(...run.map(({ numComputedTokens, tokenIds }) => numComputedTokens + tokenIds.length));
  const mostNew = Math.max(...run.map(({ tokenIds }) => tokenIds.length));
  return run.length * headDim * halfBytes * Math.max(numKvHeads * mostTokens, numHeads * mostNew);
}
