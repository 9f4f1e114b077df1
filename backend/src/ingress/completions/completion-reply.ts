import type { Completion } from "@sluice/shared/openai/completion.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { TextPiece, TokenUsage } from "#ingress/generation/generation.ts";
import { toCompletionUsage } from "#ingress/reply/completion-usage.ts";
import type { ReplyHead, ReplyShape } from "#ingress/reply/reply-shape.ts";
import { toCompletionLogprobs } from "./completion-logprobs.ts";

const noText: TextPiece = { text: "", tokens: undefined };

/** The wording of `POST /v1/completions`. */
export class CompletionReply implements ReplyShape {
  readonly #head: ReplyHead;

  constructor(head: ReplyHead) {
    this.#head = head;
  }

  opening(): undefined {}

  text(piece: TextPiece): Completion {
    return this.#event(piece, null);
  }

  closing(finishReason: CompletionFinishReason): Completion {
    return this.#event(noText, finishReason);
  }

  usage(usage: TokenUsage): Completion {
    return { ...this.#event(noText, null), choices: [], usage: toCompletionUsage(usage) };
  }

  whole(output: TextPiece, finishReason: CompletionFinishReason, usage: TokenUsage): Completion {
    return { ...this.#event(output, finishReason), usage: toCompletionUsage(usage) };
  }

  #event({ text, tokens }: TextPiece, finishReason: CompletionFinishReason | null): Completion {
    const { requestId, createdS, model, includeUsage } = this.#head;
    return {
      id: `cmpl-${requestId}`,
      object: "text_completion",
      created: createdS,
      model,
      choices: [{ index: 0, text, logprobs: toCompletionLogprobs(tokens), finish_reason: finishReason }],
      ...(includeUsage && { usage: null }),
    };
  }
}
