// What goes into an engine and what comes out of it: plain values, so that they can cross a thread.
import type { ErrorCode } from "@sluice/shared/errors.ts";
import type { GrammarId } from "./grammar/compiled-grammar.ts";
import type { TokenLogprobs } from "./sampling/logprobs.ts";
import type { SamplingParams } from "./sampling/sampling-params.ts";
import type { QueueRoom } from "./scheduler/queue-shares.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import type { StoppingParams } from "./stopping/stopping-params.ts";

export interface GenerationRequest {
  readonly sequenceId: SequenceId;
  readonly promptTokenIds: readonly number[];
  readonly sampling: SamplingParams;
  readonly stopping: StoppingParams;
  /** Lower runs first; 0 is the default tier. */
  readonly priority: number;
  /** Prompts share computed prefixes with those of the same salt only. Opaque; what may not be told apart has one salt. */
  readonly cacheSalt: string;
  /** Of one priority, tenants get fair shares. Opaque. */
  readonly tenant: string;
  /** Absent: none are computed. Those of the prompt are this sequence's to tell, not its forks'. */
  readonly logprobs?: LogprobsParams | undefined;
  /**
   * Further sequences that continue the prompt, which is computed once; the first draws from stream 1 of the seed, and so
   * on. Everything is said of each as if it were a request of its own.
   */
  readonly forkIds?: readonly SequenceId[] | undefined;
  /** What the output must be, and then ends; installed before. Absent: anything. Logprobs stay those of the model. */
  readonly grammar?: GrammarId | undefined;
  /** Absent: none is wanted. Otherwise nothing is sampled: maxTokens is 0, logprobs and forks are absent. */
  readonly embedding?: EmbeddingParams | undefined;
}

interface EmbeddingParams {
  /** How many of its numbers are wanted, from the first; at least 1. Absent: all. */
  readonly numDimensions?: number | undefined;
}

interface LogprobsParams {
  /** How many of the likeliest tokens are named beside each token; 0 to 20. */
  readonly numTop: number;
  /** Whether those of the prompt are wanted too. Every position of the prompt is then computed, none taken from a cache. */
  readonly prompt: boolean;
}

/** See sampling/logprobs.ts for what they are logarithms of. */
export interface Logprobs {
  /** One for each of the event's tokens. */
  readonly tokens: readonly TokenLogprobs[];
  /** Of the prompt's tokens from the second on, in order, as they are computed. All come before, or with, the first token. */
  readonly prompt: readonly TokenLogprobs[];
}

/** Whether the engine took a request. One that was refused left no trace. */
export type Admission =
  | {
      readonly admitted: true;
      /** How requests ended that had to make room for it; mostly none. */
      readonly displaced: readonly SequenceEvent[];
    }
  | Refusal;

export interface Refusal {
  readonly admitted: false;
  /**
   * `server_is_overloaded` means not now; `rate_limit_exceeded` not now either, because the tenant has its share of the queue. Every
   * other code means never.
   */
  readonly code:
    | "server_is_overloaded"
    | "rate_limit_exceeded"
    | "invalid_value"
    | "internal_error"
    | "context_length_exceeded";
  readonly detail: string;
}

export type FinishReason = "stop" | "length" | "abort";

export interface Finish {
  readonly reason: FinishReason;
  /** Present when the reason is `stop`, unless a grammar ended that has no stop token to end it. */
  readonly stopTokenId?: number;
  readonly numPromptTokens: number;
  /** Prompt tokens that were not computed for this sequence, because the prefix cache, or for a fork another one, had them. */
  readonly numCachedTokens: number;
  /** Tokens sampled, the stop token included. */
  readonly numCompletionTokens: number;
}

/** What happened to one sequence. After `finished` or `failed` it holds no blocks and nothing more is said of it. */
export type SequenceEvent =
  | {
      readonly kind: "tokens";
      readonly sequenceId: SequenceId;
      /** Empty only when there are logprobs of the prompt to tell. */
      readonly tokenIds: readonly number[];
      /** As in `Finish`; present with the sequence's first token. */
      readonly numCachedTokens?: number | undefined;
      /** Present when asked for. */
      readonly logprobs?: Logprobs | undefined;
    }
  | {
      readonly kind: "finished";
      readonly sequenceId: SequenceId;
      /** The last tokens; may be empty. */
      readonly tokenIds: readonly number[];
      /** Present when asked for and not aborted. */
      readonly logprobs?: Logprobs | undefined;
      /** Of length 1. Present when asked for and not aborted. */
      readonly embedding?: Float32Array | undefined;
      readonly finish: Finish;
    }
  | { readonly kind: "failed"; readonly sequenceId: SequenceId; readonly code: ErrorCode; readonly detail: string };

/** What an engine is doing, and what it has done since it started. */
export interface EngineLoad {
  readonly numRunning: number;
  readonly numWaiting: number;
  /** Those of the waiting that could not start if there were room: forks of a prompt that is not computed yet. */
  readonly numDeferred: number;
  /** Tokens to compute before everybody decodes, running sequences included. */
  readonly numQueuedTokens: number;
  /** Blocks that no live sequence owns; what the prefix cache keeps in them does not make them less free. */
  readonly numFreeBlocks: number;
  readonly numBlocks: number;
  readonly totals: EngineTotals;
}

/** Never decreasing. */
export interface EngineTotals {
  /** Prompt tokens of the requests that came to their first output token; once, however many sequences continue a prompt. */
  readonly promptTokens: number;
  /** Tokens sampled. */
  readonly generationTokens: number;
  readonly preemptions: number;
  /** Of the same requests: prompt tokens looked up in the prefix cache, and those of them that it had. */
  readonly prefixCacheQueries: number;
  readonly prefixCacheHits: number;
  /** Guesses of what follows, one a sequence and step; their tokens; and those of them that came true. */
  readonly drafts: number;
  readonly draftTokens: number;
  readonly acceptedTokens: number;
  readonly ended: Readonly<Record<FinishReason | "error", number>>;
  /** Requests refused because the waiting queue had too little room left, by what of it. */
  readonly turnedAway: Readonly<Record<keyof QueueRoom, number>>;
}
