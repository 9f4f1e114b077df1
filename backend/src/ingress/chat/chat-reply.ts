import type { ChatCompletion, ChatCompletionChunk } from "@sluice/shared/openai/chat-completion.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { TextPiece, TokenUsage } from "#ingress/generation/generation.ts";
import { toCompletionUsage } from "#ingress/reply/completion-usage.ts";
import type { ReplyHead, ReplyShape } from "#ingress/reply/reply-shape.ts";
import type { WholeChoice } from "#ingress/reply/collect-choices.ts";
import { toChatLogprobs } from "./chat-logprobs.ts";

type Choice = ChatCompletionChunk["choices"][number];

/** The wording of `POST /v1/chat/completions`. */
export class ChatReply implements ReplyShape {
  readonly #head: ReplyHead;

  constructor(head: ReplyHead) {
    this.#head = head;
  }

  opening(index: number): ChatCompletionChunk {
    return this.#chunk(index, { role: "assistant", content: "" }, null);
  }

  text(index: number, { text, tokens }: TextPiece): ChatCompletionChunk {
    return this.#chunk(index, { content: text }, null, toChatLogprobs(tokens));
  }

  closing(index: number, finishReason: CompletionFinishReason): ChatCompletionChunk {
    return this.#chunk(index, {}, finishReason);
  }

  usage(usage: TokenUsage): ChatCompletionChunk {
    return { ...this.#chunk(0, {}, null), choices: [], usage: toCompletionUsage(usage) };
  }

  whole(choices: readonly WholeChoice[], usage: TokenUsage): ChatCompletion {
    const { requestId, createdS, model } = this.#head;
    return {
      id: `chatcmpl-${requestId}`,
      object: "chat.completion",
      created: createdS,
      model,
      choices: choices.map(toChoice),
      usage: toCompletionUsage(usage),
    };
  }

  #chunk(
    index: number,
    delta: Choice["delta"],
    finishReason: Choice["finish_reason"],
    logprobs: Choice["logprobs"] = null,
  ): ChatCompletionChunk {
    const { requestId, createdS, model, includeUsage } = this.#head;
    return {
      id: `chatcmpl-${requestId}`,
      object: "chat.completion.chunk",
      created: createdS,
      model,
      choices: [{ index, delta, logprobs, finish_reason: finishReason }],
      ...(includeUsage && { usage: null }),
    };
  }
}

function toChoice({ text, tokens, finishReason }: WholeChoice, index: number): ChatCompletion["choices"][number] {
  const message = { role: "assistant", content: text, refusal: null } as const;
  return { index, message, logprobs: toChatLogprobs(tokens), finish_reason: finishReason };
}
