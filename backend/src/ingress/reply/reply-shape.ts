import type { ServedTier } from "@sluice/shared/openai/service-tier.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { TextPiece, TokenUsage } from "#ingress/generation/generation.ts";
import type { WholeChoice } from "./collect-choices.ts";

/** What all payloads of one answer have in common. */
export interface ReplyHead {
  readonly requestId: string;
  /** Seconds since the Unix epoch. */
  readonly createdS: number;
  readonly model: string;
  /** True when a stream ends with a usage event; its other events then say `usage: null`. */
  readonly includeUsage: boolean;
  /** Undefined when the request named no tier. */
  readonly serviceTier: ServedTier | undefined;
  /** One list for each prompt, in order; undefined when they were not asked for. */
  readonly promptTokenIds: readonly (readonly number[])[] | undefined;
  /** Of all prompts together, while they are streamed. */
  readonly numChoices: number;
}

/** How an endpoint words its answer, whole or as stream events; every event but the last is of one choice. */
export interface ReplyShape {
  /** The event before the choice's first text; undefined when the text opens the stream itself. */
  opening(index: number): unknown;
  text(index: number, piece: TextPiece): unknown;
  /** What the model thinks. */
  reasoning(index: number, piece: TextPiece): unknown;
  /** @param call the call's number within the choice. @param name present when the call begins. */
  toolCall(index: number, call: number, name: string | undefined, argumentsText: string): unknown;
  closing(index: number, finishReason: CompletionFinishReason): unknown;
  usage(usage: TokenUsage): unknown;
  /** @param choices in the order of their indexes. */
  whole(choices: readonly WholeChoice[], usage: TokenUsage): unknown;
}
