import type { Sequence } from "./sequence.ts";

/** One sequence's part of a step: `numTokens` of its uncomputed tokens, at least 1; its blocks cover them. */
export interface ScheduledSequence {
  readonly sequence: Sequence;
  readonly numTokens: number;
  /** Whether the newest token is among them: its logits choose the next one. */
  readonly reachesNewest: boolean;
}

/** A step that is being filled, up to its token budget. */
export class StepPlan {
  readonly #scheduled: ScheduledSequence[] = [];
  #budget: number;

  constructor(maxNumTokens: number) {
    this.#budget = maxNumTokens;
  }

  get scheduled(): readonly ScheduledSequence[] {
    return this.#scheduled;
  }

  get isFull(): boolean {
    return this.#budget === 0;
  }

  /** Takes as many of the sequence's uncomputed tokens as fit; none of a sequence when the plan is full. */
  take(sequence: Sequence): void {
    const numTokens = Math.min(sequence.numUncomputedTokens, this.#budget);
    if (numTokens === 0) return;
    this.#scheduled.push({ sequence, numTokens, reachesNewest: numTokens === sequence.numUncomputedTokens });
    this.#budget -= numTokens;
  }
}
