// What it costs to send a prompt to an engine, by what the engine says of itself. An estimate to compare engines by; what it
// leaves out is much the same for all.
//
// The time to the prompt's own first token is not all of it. If everybody went where that is shortest, a prefix would be
// computed on one engine after another as soon as its own is a little busy; each time it would hold up those who are there
// and push other prefixes out of a cache, which then have to be computed again, which makes everybody busy. The bench
// (`npm run bench:router`) shows that this does not end by itself. So what computing a prompt takes from others is
// part of its cost.
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
  /** Of the engines, the one with the greatest is the prompt's home (see choose-engine.ts); absent for one too short for a block. */
  readonly homeRank: number | undefined;
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

/**
 * What others lose in milliseconds, summed over them, by the prompt's being computed there: the sequences that are there are
 * held up, and blocks are taken from other prefixes, about as many as are filled. The latter is not counted at the prompt's
 * home: there the next ones will look for it. Pure.
 */
export function othersMs(view: EngineView, prefillMsPerToken: number, isHome: boolean): number {
  return ownTokens(view) * prefillMsPerToken * (numSequences(view) + (isHome ? 0 : 1));
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
