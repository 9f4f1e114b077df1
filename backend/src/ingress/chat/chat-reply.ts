import type { ChatCompletion, ChatCompletionChunk } from "@sluice/shared/openai/chat-completion.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { TextPiece, TokenUsage } from "#ingress/generation/generation.ts";
import { toCompletionUsage } from "#ingress/reply/completion-usage.ts";
import type { ReplyHead, ReplyShape } from "#ingress/reply/reply-shape.ts";
import { toChatLogprobs } from "./chat-logprobs.ts";

type Choice = ChatCompletionChunk["choices"][number];

/** The wording of `POST /v1/chat/completions`. */
export class ChatReply implements ReplyShape {
  readonly #head: ReplyHead;

  constructor(head: ReplyHead) {
    this.#head = head;
  }

  opening(): ChatCompletionChunk {
    return this.#chunk({ role: "assistant", content: "" }, null);
  }

  text({ text, tokens }: TextPiece): ChatCompletionChunk {
    return this.#chunk({ content: text }, null, toChatLogprobs(tokens));
  }

  closing(finishReason: CompletionFinishReason): ChatCompletionChunk {
    return this.#chunk({}, finishReason);
  }

  usage(usage: TokenUsage): ChatCompletionChunk {
    return { ...this.#chunk({}, null), choices: [], usage: toCompletionUsage(usage) };
  }

  whole({ text, tokens }: TextPiece, finishReason: CompletionFinishReason, usage: TokenUsage): ChatCompletion {
    const { requestId, createdS, model } = this.#head;
    const message = { role: "assistant", content: text, refusal: null } as const;
    return {
      id: `chatcmpl-${requestId}`,
      object: "chat.completion",
      created: createdS,
      model,
      choices: [{ index: 0, message, logprobs: toChatLogprobs(tokens), finish_reason: finishReason }],
      usage: toCompletionUsage(usage),
    };
  }

  #chunk(
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
      choices: [{ index: 0, delta, logprobs, finish_reason: finishReason }],
      ...(includeUsage && { usage: null }),
    };
  }
}
