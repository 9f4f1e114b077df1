import type { Completion } from "@sluice/shared/openai/completion.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { TokenUsage } from "#ingress/generation/generation.ts";
import { toCompletionUsage } from "#ingress/reply/completion-usage.ts";
import type { ReplyHead, ReplyShape } from "#ingress/reply/reply-shape.ts";

/** The wording of `POST /v1/completions`. */
export class CompletionReply implements ReplyShape {
  readonly #head: ReplyHead;

  constructor(head: ReplyHead) {
    this.#head = head;
  }

  opening(): undefined {}

  text(text: string): Completion {
    return this.#event(text, null);
  }

  closing(finishReason: CompletionFinishReason): Completion {
    return this.#event("", finishReason);
  }

  usage(usage: TokenUsage): Completion {
    return { ...this.#event("", null), choices: [], usage: toCompletionUsage(usage) };
  }

  whole(text: string, finishReason: CompletionFinishReason, usage: TokenUsage): Completion {
    return { ...this.#event(text, finishReason), usage: toCompletionUsage(usage) };
  }

  #event(text: string, finishReason: CompletionFinishReason | null): Completion {
    const { requestId, createdS, model, includeUsage } = this.#head;
    return {
      id: `cmpl-${requestId}`,
      object: "text_completion",
      created: createdS,
      model,
      choices: [{ index: 0, text, logprobs: null, finish_reason: finishReason }],
      ...(includeUsage && { usage: null }),
    };
  }
}
