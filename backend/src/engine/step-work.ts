import type { SequenceId } from "./scheduler/sequence-id.ts";
import type { Sequence } from "./scheduler/sequence.ts";
import type { ScheduledSequence } from "./scheduler/step-plan.ts";

/** What one step computed, whatever came of it. */
export interface StepWork {
  /** Of sequences whose prompt, or what they lost by preemption, is being computed. */
  readonly numPrefillTokens: number;
  /** Of sequences that compute the token sampled last: one each. */
  readonly numDecodeTokens: number;
  /** Guessed ahead, of the same sequences. */
  readonly numDraftTokens: number;
  /** Sequences that started for the first time. */
  readonly startedIds: readonly SequenceId[];
}

/** Of what was scheduled, before it is computed. */
export function workOf(scheduled: readonly ScheduledSequence[], started: readonly Sequence[]): StepWork {
  let numPrefillTokens = 0;
  let numDecodeTokens = 0;
  let numDraftTokens = 0;
  for (const { sequence, numTokens, draftTokenIds } of scheduled) {
    numDraftTokens += draftTokenIds.length;
    if (sequence.isDecoding) numDecodeTokens += numTokens;
    else numPrefillTokens += numTokens;
  }
  return { numPrefillTokens, numDecodeTokens, numDraftTokens, startedIds: started.map(({ id }) => id) };
}
