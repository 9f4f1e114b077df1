import type { Sequence } from "./sequence.ts";

/** How far a sequence is, or would be if it started. */
type Progress = Pick<Sequence, "numComputedTokens" | "numUncomputedTokens" | "isScoring">;

/** One sequence's part of a step: `numTokens` of its uncomputed tokens, at least 1; its blocks cover them. */
export interface ScheduledSequence {
  readonly sequence: Sequence;
  readonly numTokens: number;
  /** Whether the newest token is among them: its logits choose the next one. */
  readonly reachesNewest: boolean;
  /** Computed behind the newest token, in case they are what follows; its blocks cover them too. Mostly none. */
  readonly draftTokenIds: readonly number[];
}

/** Guesses at most `most` tokens that may follow; at least 1 is asked for. May be none. */
export type Draft = (sequence: Sequence, most: number) => readonly number[];

/**
 * Tokens of a step up to which there are drafts. A row more is cheap while rows are few, and the CPU executor computes so many in
 * one run (executor/split-step.ts).
 */
const maxDraftedStepTokens = 32;

/**
 * Tokens of a step whose logits are all wanted, or a block's if that is more. A row of logits is as wide as the vocabulary, and more
 * of them at once only take more memory: prompts of 512 tokens are scored at the same rate with 256 (SmolLM2-135M's shape, 8 bits).
 */
export const maxScoredStepTokens = 64;

/** Tokens whose logits one step may give: one a sequence and those that are scored, or those guessed ahead. */
export function maxStepLogits(maxNumSeqs: number): number {
  return Math.max(maxNumSeqs + maxScoredStepTokens, maxDraftedStepTokens);
}

/**
 * Known tokens, in total, of the sequences of a step that have drafts. Attention copies the keys of whoever computes more than one token:
 * with more, a step costs more than a fair guess spares (docs/decisions/0038), and less than twice as much is what memory is planned
 * for (executor/memory-plan.ts: maxPairsPerRun / maxTileRows).
 */
const maxDraftedContextTokens = 4096;

/**
 * A step that is being filled, up to its token budget.
 *
 * A chunk ends at its sequence's newest token or at a block's end. How far a chunk may go depends on what else is in the
 * step, and that must not show in the result: on the CPU attention adds up tile by tile, so a token's sum has the same terms in
 * the same order wherever the chunks were cut (executor/tile-plan.ts).
 */
export class StepPlan {
  readonly #blockSize: number;
  readonly #scheduled: ScheduledSequence[] = [];
  readonly #maxNumTokens: number;
  #budget: number;
  #scoredBudget: number;

  constructor(maxNumTokens: number, blockSize: number) {
    this.#maxNumTokens = maxNumTokens;
    this.#budget = maxNumTokens;
    this.#scoredBudget = Math.max(maxScoredStepTokens, blockSize);
    this.#blockSize = blockSize;
  }

  get scheduled(): readonly ScheduledSequence[] {
    return this.#scheduled;
  }

  /** How many of the sequence's tokens there is room for; may be none. */
  roomFor({ numComputedTokens, numUncomputedTokens, isScoring }: Progress): number {
    const budget = isScoring ? Math.min(this.#budget, this.#scoredBudget) : this.#budget;
    if (numUncomputedTokens <= budget) return numUncomputedTokens;
    const furthest = numComputedTokens + budget;
    return Math.max(0, furthest - (furthest % this.#blockSize) - numComputedTokens);
  }

  /** Takes as many of the sequence's tokens as there is room for. */
  take(sequence: Sequence): void {
    const numTokens = this.roomFor(sequence);
    if (numTokens === 0) return;
    const reachesNewest = numTokens === sequence.numUncomputedTokens;
    this.#scheduled.push({ sequence, numTokens, reachesNewest, draftTokenIds: [] });
    this.#budget -= numTokens;
    if (sequence.isScoring) this.#scoredBudget -= numTokens;
  }

  /**
   * Adds drafts to a step that is otherwise full, if all of it decodes: in the room that is left of it, and of each sequence's
   * own blocks, so that no draft takes a place, a block or time that somebody waits for.
   */
  addDrafts(draft: Draft): void {
    if (!this.#scheduled.every(({ sequence }) => sequence.isDecoding)) return;
    let room = Math.min(this.#maxNumTokens, maxDraftedStepTokens) - this.#scheduled.length;
    let contextRoom = maxDraftedContextTokens;
    for (const [index, scheduled] of this.#scheduled.entries()) {
      const { blocks, tokenIds } = scheduled.sequence;
      const most = Math.min(room, blocks.blockIds.length * this.#blockSize - tokenIds.length);
      if (most <= 0 || tokenIds.length > contextRoom) continue;
      const draftTokenIds = draft(scheduled.sequence, most);
      if (draftTokenIds.length === 0) continue;
      contextRoom -= tokenIds.length;
      this.#scheduled[index] = { ...scheduled, draftTokenIds };
      room -= draftTokenIds.length;
    }
  }
}
