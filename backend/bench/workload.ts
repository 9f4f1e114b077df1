import { createHash } from "node:crypto";
import type { Engine } from "#engine/engine.ts";
import type { GenerationRequest, SequenceEvent } from "#engine/generation.ts";
import { uniformAt } from "#engine/sampling/philox.ts";
import type { SequenceId } from "#engine/scheduler/sequence-id.ts";

/** Lengths in tokens of one request. */
export interface Lengths {
  readonly numPromptTokens: number;
  readonly maxTokens: number;
}

const NUM_SPECIAL_TOKENS = 16;
const SEED = 20_261_122;
let numRequests = 0;

/** A greedy request of random tokens that nothing but its length ends. */
export function makeRequest({ numPromptTokens, maxTokens }: Lengths, vocabSize: number): GenerationRequest {
  numRequests += 1;
  const draw = (index: number): number => Math.floor(uniformAt(SEED + numRequests, index) * vocabSize);
  return {
    sequenceId: numRequests as SequenceId,
    promptTokenIds: Array.from({ length: numPromptTokens }, (_, index) => draw(index)),
    sampling: { temperature: 0, topP: 1, topK: 0, seed: 0 },
    stopping: { maxTokens, stopTokenIds: [] },
    priority: 0,
    cacheSalt: "",
    tenant: "",
  };
}

/** The same name gives the same tokens, another name others. The first ids, which tokenizers keep for themselves, are left out. */
export function drawPrompt(name: string, numTokens: number, vocabSize: number): readonly number[] {
  const seed = createHash("sha256").update(name).digest().readUInt32LE();
  const draw = (index: number): number => Math.floor(uniformAt(seed, index) * (vocabSize - NUM_SPECIAL_TOKENS));
  return Array.from({ length: numTokens }, (_, index) => NUM_SPECIAL_TOKENS + draw(index));
}

/** Log-normal lengths, as chat traffic has them: median `median`, sigma of the logarithm `sigma`, cut to [1, max]. */
export function logNormalLengths(count: number, median: number, sigma: number, max: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    // Box-Muller.
    const radius = Math.sqrt(-2 * Math.log(1 - uniformAt(SEED, 2 * index)));
    const normal = radius * Math.cos(2 * Math.PI * uniformAt(SEED, 2 * index + 1));
    return Math.min(max, Math.max(1, Math.round(median * Math.exp(sigma * normal))));
  });
}

/** Steps until nothing is left to do. Throws when a sequence fails: a bench of errors would be fast. */
export async function runToEnd(engine: Engine): Promise<void> {
  while (engine.hasWork) (await engine.step()).forEach(refuseFailure);
}

/** Steps until every prompt is computed. */
export async function runPrefill(engine: Engine): Promise<void> {
  while (engine.load().numQueuedTokens > 0) (await engine.step()).forEach(refuseFailure);
}

function refuseFailure(event: SequenceEvent): void {
  if (event.kind === "failed") throw new Error(`a sequence failed: ${event.detail}`);
}
