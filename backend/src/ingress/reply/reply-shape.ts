import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { TextPiece, TokenUsage } from "#ingress/generation/generation.ts";

/** What all payloads of one answer have in common. */
export interface ReplyHead {
  readonly requestId: string;
  /** Seconds since the Unix epoch. */
  readonly createdS: number;
  readonly model: string;
  /** True when a stream ends with a usage event; its other events then say `usage: null`. */
  readonly includeUsage: boolean;
}

/** How an endpoint words its answer, whole or as stream events. */
export interface ReplyShape {
  /** The event before the first text; undefined when the text opens the stream itself. */
  opening(): unknown;
  text(piece: TextPiece): unknown;
  closing(finishReason: CompletionFinishReason): unknown;
  usage(usage: TokenUsage): unknown;
  whole(output: TextPiece, finishReason: CompletionFinishReason, usage: TokenUsage): unknown;
}
