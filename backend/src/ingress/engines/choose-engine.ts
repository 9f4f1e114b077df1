// Which engine takes the next request: the one with the least work ahead of it.

/** What is known of one engine's load. */
export interface EngineLoad {
  readonly numRunning: number;
  readonly numWaiting: number;
  /** Prompt tokens admitted but not yet computed. */
  readonly numQueuedTokens: number;
  /** Requests, and their prompt tokens, sent from here since the engine last reported. */
  readonly numSent: number;
  readonly numSentTokens: number;
}

/**
 * What a sequence weighs beside its prompt, in tokens: about the output it still has ahead. The mean output of chat
 * traffic is a few hundred tokens (PagedAttention, SOSP 2023, section 6.1); half of it is left on average.
 */
const sequenceTokens = 128;

/** Tokens of work ahead of a request that would come now. */
export function workAhead(load: EngineLoad): number {
  const numSequences = load.numRunning + load.numWaiting + load.numSent;
  return load.numQueuedTokens + load.numSentTokens + sequenceTokens * numSequences;
}

/** The candidate with the least work ahead; the first of equals; undefined when there is none. */
export function chooseEngine<Engine extends { readonly load: EngineLoad }>(
  candidates: readonly Engine[],
): Engine | undefined {
  let best: Engine | undefined;
  for (const candidate of candidates) {
    if (best === undefined || workAhead(candidate.load) < workAhead(best.load)) best = candidate;
  }
  return best;
}
