/** Bounds of one engine; every one is at least 1. */
export interface SchedulerLimits {
  /** Tokens one step computes at most: the longest a decode waits for somebody's prefill. */
  readonly maxNumBatchedTokens: number;
  /** Sequences that run at once. */
  readonly maxNumSeqs: number;
  /** Sequences that wait at once, beyond those that a free running place is waiting for. */
  readonly maxQueuedRequests: number;
  /** Tokens that wait at once, summed over the waiting sequences. An empty queue takes any one sequence. */
  readonly maxQueuedTokens: number;
}

/** How many sequences can run and wait together. */
export function maxLiveSequences({ maxNumSeqs, maxQueuedRequests }: SchedulerLimits): number {
  return maxNumSeqs + maxQueuedRequests;
}
