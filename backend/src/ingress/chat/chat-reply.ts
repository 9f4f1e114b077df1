import type { ChatCompletion, ChatCompletionChunk } from "@sluice/shared/openai/chat-completion.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { TokenUsage } from "#ingress/generation/generation.ts";
import { toCompletionUsage } from "#ingress/reply/completion-usage.ts";
import type { ReplyHead, ReplyShape } from "#ingress/reply/reply-shape.ts";

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

  text(text: string): ChatCompletionChunk {
    return this.#chunk({ content: text }, null);
  }

  closing(finishReason: CompletionFinishReason): ChatCompletionChunk {
    return this.#chunk({}, finishReason);
  }

  usage(usage: TokenUsage): ChatCompletionChunk {
    return { ...this.#chunk({}, null), choices: [], usage: toCompletionUsage(usage) };
  }

  whole(text: string, finishReason: CompletionFinishReason, usage: TokenUsage): ChatCompletion {
    const { requestId, createdS, model } = this.#head;
    const message = { role: "assistant", content: text, refusal: null } as const;
    return {
      id: `chatcmpl-${requestId}`,
      object: "chat.completion",
      created: createdS,
      model,
      choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason }],
      usage: toCompletionUsage(usage),
    };
  }

  #chunk(delta: Choice["delta"], finishReason: Choice["finish_reason"]): ChatCompletionChunk {
    const { requestId, createdS, model, includeUsage } = this.#head;
    return {
      id: `chatcmpl-${requestId}`,
      object: "chat.completion.chunk",
      created: createdS,
      model,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
      ...(includeUsage && { usage: null }),
    };
  }
}
