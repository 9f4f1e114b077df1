// How long a prompt would take to its first token, by what an engine says of itself: the work ahead of it and its own, and the
// wait for a place when all are taken. An estimate to compare engines by; what it leaves out is much the same for all.
import type { Pace } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";

/** One engine in view of one prompt. What was sent from here and is not in its report yet is counted. */
export interface EngineView {
  /** Whether the report is too old to compare by. */
  readonly isStale: boolean;
  /** Sequences that run, that wait, and that were sent. */
  readonly numRunning: number;
  readonly numWaiting: number;
  readonly numSent: number;
  /** Prompt tokens to be computed before the prompt's own. */
  readonly numQueuedTokens: number;
  readonly numFreeBlocks: number;
  readonly blockSize: number;
  readonly maxNumBatchedTokens: number;
  readonly maxNumSeqs: number;
  readonly pace: Pace;
  /** The prompt's tokens, and those of them whose K/V the engine holds. */
  readonly numPromptTokens: number;
  readonly numHeldTokens: number;
}

/** How soon a place is free while nothing was measured: as engines themselves say (rpc/retry-hints.ts). */
const unmeasuredTurnoverMs = 1_000;

/**
 * What a sequence weighs beside its prompt, in tokens: about the output it still has ahead. The mean output of chat
 * traffic is a few hundred tokens (PagedAttention, SOSP 2023, section 6.1); half of it is left on average.
 */
const sequenceTokens = 128;

/** Tokens of work ahead of the first token: the measure when nobody knows how long a token takes. Pure. */
export function workAhead(view: EngineView): number {
  return tokensAhead(view) + sequenceTokens * numSequences(view);
}

/** Milliseconds to the first token. Pure. */
export function expectedMs(view: EngineView, prefillMsPerToken: number): number {
  const { maxNumBatchedTokens, pace, numRunning, numSent } = view;
  const numTokens = tokensAhead(view);
  // Every step of the prompt's also computes the others' next tokens.
  const numDecodes = Math.min(numRunning + numSent, view.maxNumSeqs);
  const numSteps = Math.ceil(numTokens / Math.max(1, maxNumBatchedTokens - numDecodes));
  const computeMs = numTokens * prefillMsPerToken + numSteps * numDecodes * (pace.decodeMsPerSequence ?? 0);
  const waitMs = numEndsAwaited(view) * (pace.turnoverMs ?? unmeasuredTurnoverMs);
  return Math.max(computeMs, waitMs + ownTokens(view) * prefillMsPerToken);
}

/** How many sequences have to end before the prompt can start. */
function numEndsAwaited(view: EngineView): number {
  const { blockSize, numFreeBlocks, numQueuedTokens, numWaiting, numSent, maxNumSeqs } = view;
  const numTooMany = Math.max(0, numSequences(view) + 1 - maxNumSeqs);
  const numBlocksAsked = Math.ceil((ownTokens(view) + numQueuedTokens) / blockSize);
  return numBlocksAsked <= numFreeBlocks ? numTooMany : Math.max(numTooMany, numWaiting + numSent + 1);
}

function numSequences({ numRunning, numWaiting, numSent }: EngineView): number {
  return numRunning + numWaiting + numSent;
}

function tokensAhead(view: EngineView): number {
  return view.numQueuedTokens + ownTokens(view);
}

function ownTokens({ numPromptTokens, numHeldTokens }: EngineView): number {
  return numPromptTokens - numHeldTokens;
}
