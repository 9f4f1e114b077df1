// One request's way from tokens to text, as the two halves of the ingress agree on it.
import type { LogitBias } from "@sluice/shared/openai/logit-bias.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { GrammarPlan } from "#ingress/grammar/plan-grammar.ts";
import type { OutputEvent } from "#ingress/text/output-reader.ts";
import type { ReasoningFormat, ReasoningStart } from "#ingress/text/reasoning/reasoning-format.ts";
import type { ToolFormat } from "#ingress/text/tool-calls/tool-format.ts";
import type { LoggedToken } from "./logged-token.ts";

/** What to generate; everything is decided. */
export interface GenerationPlan {
  readonly requestId: string;
  readonly promptTokenIds: readonly number[];
  /** How many choices; at least 1. */
  readonly n: number;
  /** The first choice's index in the answer. */
  readonly firstIndex: number;
  /** Whether the choices' mean logprobs are wanted, to choose among them. */
  readonly isRanked: boolean;
  /** With the prompt, at most the model's context length. 0 computes the prompt only. */
  readonly maxTokens: number;
  /** At most maxTokens; neither stop tokens nor stop strings end the output before. */
  readonly minTokens: number;
  readonly temperature: number;
  readonly topP: number;
  /** 0 keeps all tokens. */
  readonly topK: number;
  /** 0 keeps all tokens. */
  readonly minP: number;
  /** 0 is none. */
  readonly presencePenalty: number;
  /** 0 is none. */
  readonly frequencyPenalty: number;
  /** 1 is none. */
  readonly repetitionPenalty: number;
  readonly logitBias: readonly LogitBias[];
  /** Undefined lets the engine draw one. */
  readonly seed: number | undefined;
  readonly stopStrings: readonly string[];
  readonly stopTokenIds: readonly number[];
  /** Undefined when none were asked for. `numTop` is how many of the likeliest tokens are told beside each. */
  readonly logprobs: { readonly numTop: number } | undefined;
  /** The prompt's text, which the output begins with; undefined when that was not asked for. */
  readonly echo: string | undefined;
  /** What the output must be; undefined for anything. */
  readonly grammar: GrammarPlan | undefined;
  /** How tool calls are told from text; undefined where there are none. */
  readonly toolFormat: ToolFormat | undefined;
  /** How what the model thinks is told from what it says; undefined where it only says. */
  readonly reasoning: ReasoningPlan | undefined;
  /** Whether the answer tells the ids of its tokens. */
  readonly returnsTokenIds: boolean;
  /** Lower runs first. */
  readonly priority: number;
  /** Whose prompts this one may share computed prefixes with: the organization. */
  readonly cacheSalt: string;
  /** For whom the engines compute, when they share themselves out: the organization. */
  readonly tenant: string;
}

export interface ReasoningPlan {
  readonly format: ReasoningFormat;
  /** Where the prompt leaves the model. */
  readonly start: ReasoningStart;
  /** Whether the caller wants to hear it. */
  readonly isTold: boolean;
}

export interface TokenUsage {
  /** Each prompt once, however many choices it has. */
  readonly promptTokens: number;
  /**
   * Tokens the engine sampled, over all choices. When a stop token or the length ended one, that is the engine's own count,
   * the stop token included. When a stop string ended it, it is the tokens up to and including the one that completed the
   * string: what the engine may have sampled ahead, before it heard of the cancellation, is nobody's output.
   */
  readonly completionTokens: number;
  /** Of these, the tokens of thoughts, with what marks them. */
  readonly reasoningTokens: number;
  /** Prompt tokens that came from the prefix cache. */
  readonly cachedTokens: number;
}

/** A piece of output. */
export interface TextPiece {
  /** Empty only when there are tokens without text to tell. */
  readonly text: string;
  /** The tokens whose text begins here or, held back, began before; undefined when logprobs were not asked for. */
  readonly tokens: readonly LoggedToken[] | undefined;
  /** The tokens that came since the last piece, also where their text is held back; undefined when ids were not asked for. */
  readonly tokenIds: readonly number[] | undefined;
}

/** Of each choice, what became certain, then one end; when all have ended, the usage. */
export type GenerationEvent =
  | ({ readonly kind: "text" | "reasoning"; readonly index: number } & TextPiece)
  | ({ readonly index: number } & Exclude<OutputEvent, { kind: "text" | "reasoning" }>)
  | {
      readonly kind: "end";
      readonly index: number;
      readonly finishReason: CompletionFinishReason;
      /** Of the output's tokens; undefined when there are none, or no logprobs. */
      readonly meanLogprob: number | undefined;
    }
  | { readonly kind: "usage"; readonly usage: TokenUsage };

/** What is known of a generation while it runs, for its line in the log; absent where it did not get that far. */
export interface GenerationProgress {
  engine?: string;
  promptTokens?: number;
  /** Of the prompts that an engine has computed. */
  computedPromptTokens?: number;
  /** Of those, the tokens that came from the prefix cache. */
  cachedTokens?: number;
  /** Tokens received so far. */
  completionTokens?: number;
  finishReason?: CompletionFinishReason;
  /** Milliseconds from the request to the first of its output. */
  firstTextMs?: number;
}
