import type { Completion } from "@sluice/shared/openai/completion.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { TextPiece, TokenUsage } from "#ingress/generation/generation.ts";
import { toCompletionUsage } from "#ingress/reply/completion-usage.ts";
import type { ReplyHead, ReplyShape } from "#ingress/reply/reply-shape.ts";
import type { WholeChoice } from "#ingress/reply/collect-choices.ts";
import { toCompletionLogprobs } from "./completion-logprobs.ts";

const noText: TextPiece = { text: "", tokens: undefined };

/** The wording of `POST /v1/completions`. */
export class CompletionReply implements ReplyShape {
  readonly #head: ReplyHead;

  constructor(head: ReplyHead) {
    this.#head = head;
  }

  opening(): undefined {}

  text(index: number, piece: TextPiece): Completion {
    return this.#reply([toChoice(index, piece, null)]);
  }

  toolCall(): undefined {}

  closing(index: number, finishReason: CompletionFinishReason): Completion {
    return this.#reply([toChoice(index, noText, finishReason)]);
  }

  usage(usage: TokenUsage): Completion {
    return { ...this.#reply([]), usage: toCompletionUsage(usage) };
  }

  whole(choices: readonly WholeChoice[], usage: TokenUsage): Completion {
    const all = choices.map((choice, index) => toChoice(index, choice, choice.finishReason));
    return { ...this.#reply(all), usage: toCompletionUsage(usage) };
  }

  #reply(choices: Completion["choices"]): Completion {
    const { requestId, createdS, model, includeUsage } = this.#head;
    return {
      id: `cmpl-${requestId}`,
      object: "text_completion",
      created: createdS,
      model,
      choices,
      ...(includeUsage && { usage: null }),
    };
  }
}

function toChoice(
  index: number,
  { text, tokens }: TextPiece,
  finishReason: CompletionFinishReason | null,
): Completion["choices"][number] {
  return { index, text, logprobs: toCompletionLogprobs(tokens), finish_reason: finishReason };
}
