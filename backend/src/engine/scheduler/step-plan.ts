import type { Sequence } from "./sequence.ts";

/** How far a sequence is, or would be if it started. */
type Progress = Pick<Sequence, "numComputedTokens" | "numUncomputedTokens">;

/** One sequence's part of a step: `numTokens` of its uncomputed tokens, at least 1; its blocks cover them. */
export interface ScheduledSequence {
  readonly sequence: Sequence;
  readonly numTokens: number;
  /** Whether the newest token is among them: its logits choose the next one. */
  readonly reachesNewest: boolean;
}

/**
 * A step that is being filled, up to its token budget.
 *
 * A chunk ends at its sequence's newest token or at a block's end. How far a chunk may go depends on what else is in the
 * step, and that must not show in the result: attention adds up block by block, so a token's sum has the same terms in
 * the same order wherever the chunks were cut, as long as none is cut inside a block. The prefix cache holds whole blocks
 * only, so a chunk that begins where it ended is such a chunk too.
 */
export class StepPlan {
  readonly #blockSize: number;
  readonly #scheduled: ScheduledSequence[] = [];
  #budget: number;

  constructor(maxNumTokens: number, blockSize: number) {
    this.#budget = maxNumTokens;
    this.#blockSize = blockSize;
  }

  get scheduled(): readonly ScheduledSequence[] {
    return this.#scheduled;
  }

  /** How many of the sequence's tokens there is room for; may be none. */
  roomFor({ numComputedTokens, numUncomputedTokens }: Progress): number {
    if (numUncomputedTokens <= this.#budget) return numUncomputedTokens;
    const furthest = numComputedTokens + this.#budget;
    return Math.max(0, furthest - (furthest % this.#blockSize) - numComputedTokens);
  }

  /** Takes as many of the sequence's tokens as there is room for. */
  take(sequence: Sequence): void {
    const numTokens = this.roomFor(sequence);
    if (numTokens === 0) return;
    this.#scheduled.push({ sequence, numTokens, reachesNewest: numTokens === sequence.numUncomputedTokens });
    this.#budget -= numTokens;
  }
}
