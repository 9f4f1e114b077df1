import type { Completion } from "@sluice/shared/openai/completion.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { TextPiece, TokenUsage } from "#ingress/generation/generation.ts";
import { toCompletionUsage } from "#ingress/reply/completion-usage.ts";
import type { ReplyHead, ReplyShape } from "#ingress/reply/reply-shape.ts";
import type { WholeChoice } from "#ingress/reply/collect-choices.ts";
import { toCompletionLogprobs } from "./completion-logprobs.ts";

const noText: TextPiece = { text: "", tokens: undefined, tokenIds: undefined };

/** The wording of `POST /v1/completions`. */
export class CompletionReply implements ReplyShape {
  readonly #head: ReplyHead;

  constructor(head: ReplyHead) {
    this.#head = head;
  }

  /** Only to tell the tokens of the prompt. */
  opening(index: number): Completion | undefined {
    const promptTokenIds = this.#promptOf(index, this.#head.numChoices);
    if (promptTokenIds === undefined) return undefined;
    return this.#reply([{ ...toChoice(index, noText, null), prompt_token_ids: promptTokenIds }]);
  }

  text(index: number, piece: TextPiece): Completion {
    return this.#reply([toChoice(index, piece, null)]);
  }

  /** What a completion thinks is text. */
  reasoning(): undefined {}

  toolCall(): undefined {}

  closing(index: number, finishReason: CompletionFinishReason): Completion {
    return this.#reply([toChoice(index, noText, finishReason)]);
  }

  usage(usage: TokenUsage): Completion {
    return { ...this.#reply([]), usage: toCompletionUsage(usage) };
  }

  whole(choices: readonly WholeChoice[], usage: TokenUsage): Completion {
    const all = choices.map((choice, index) => {
      const promptTokenIds = this.#promptOf(index, choices.length);
      const told = promptTokenIds && { prompt_token_ids: promptTokenIds };
      return { ...toChoice(index, choice, choice.finishReason), ...told };
    });
    return { ...this.#reply(all), usage: toCompletionUsage(usage) };
  }

  /** The tokens of a choice's prompt: every prompt has as many choices. */
  #promptOf(index: number, numChoices: number): readonly number[] | undefined {
    const { promptTokenIds } = this.#head;
    return promptTokenIds?.[Math.floor((index * promptTokenIds.length) / numChoices)];
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
  { text, tokens, tokenIds }: TextPiece,
  finishReason: CompletionFinishReason | null,
): Completion["choices"][number] {
  const told = tokenIds && { token_ids: tokenIds };
  return { index, text, logprobs: toCompletionLogprobs(tokens), finish_reason: finishReason, ...told };
}
