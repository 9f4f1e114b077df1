import type { EngineTotals, FinishReason } from "./generation.ts";
import type { QueueRoom } from "./scheduler/queue-shares.ts";

/** A prompt that came to its first output token. */
interface ComputedPrompt {
  readonly numPromptTokens: number;
  /** Of them, what the prefix cache had; absent when it was not asked. */
  readonly numCachedTokens: number | undefined;
}

/** Counts what an engine did since it started. */
export class EngineCounter {
  readonly #totals = {
    promptTokens: 0,
    generationTokens: 0,
    preemptions: 0,
    prefixCacheQueries: 0,
    prefixCacheHits: 0,
    drafts: 0,
    draftTokens: 0,
    acceptedTokens: 0,
  };
  readonly #ended = { stop: 0, length: 0, abort: 0, error: 0 };
  readonly #turnedAway = { numSequences: 0, numTokens: 0 };

  get totals(): EngineTotals {
    return { ...this.#totals, ended: { ...this.#ended }, turnedAway: { ...this.#turnedAway } };
  }

  countPrompt({ numPromptTokens, numCachedTokens }: ComputedPrompt): void {
    this.#totals.promptTokens += numPromptTokens;
    if (numCachedTokens === undefined) return;
    this.#totals.prefixCacheQueries += numPromptTokens;
    this.#totals.prefixCacheHits += numCachedTokens;
  }

  countSampled(numTokens: number): void {
    this.#totals.generationTokens += numTokens;
  }

  /** Of one sequence in one step. */
  countDraft(numTokens: number, numAccepted: number): void {
    this.#totals.drafts += 1;
    this.#totals.draftTokens += numTokens;
    this.#totals.acceptedTokens += numAccepted;
  }

  countPreempted(numSequences: number): void {
    this.#totals.preemptions += numSequences;
  }

  countTurnedAway(lacking: keyof QueueRoom): void {
    this.#turnedAway[lacking] += 1;
  }

  countEnded(how: FinishReason | "error"): void {
    this.#ended[how] += 1;
  }
}
