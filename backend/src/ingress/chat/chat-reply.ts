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
    const chunk = this.#chunk(index, { role: "assistant", content: "" }, null);
    return index === 0 ? { ...chunk, ...promptTokens(this.#head) } : chunk;
  }

  text(index: number, piece: TextPiece): ChatCompletionChunk {
    return this.#chunk(index, { content: piece.text }, null, piece);
  }

  reasoning(index: number, piece: TextPiece): ChatCompletionChunk {
    return this.#chunk(index, { reasoning_content: piece.text }, null, piece);
  }

  toolCall(index: number, call: number, name: string | undefined, argumentsText: string): ChatCompletionChunk {
    const begun = name === undefined ? {} : { id: callId(this.#head, index, call), type: "function" as const };
    const delta = {
      index: call,
      ...begun,
      function: { ...(name !== undefined && { name }), arguments: argumentsText },
    };
    return this.#chunk(index, { tool_calls: [delta] }, null);
  }

  closing(index: number, finishReason: CompletionFinishReason): ChatCompletionChunk {
    return this.#chunk(index, {}, finishReason);
  }

  usage(usage: TokenUsage): ChatCompletionChunk {
    return { ...this.#chunk(0, {}, null), choices: [], usage: toCompletionUsage(usage) };
  }

  whole(choices: readonly WholeChoice[], usage: TokenUsage): ChatCompletion {
    const { requestId, createdS, model, serviceTier } = this.#head;
    return {
      id: `chatcmpl-${requestId}`,
      object: "chat.completion",
      created: createdS,
      model,
      ...(serviceTier !== undefined && { service_tier: serviceTier }),
      ...promptTokens(this.#head),
      choices: choices.map((choice, index) => toChoice(choice, index, this.#head)),
      usage: toCompletionUsage(usage),
    };
  }

  #chunk(
    index: number,
    delta: Choice["delta"],
    finishReason: Choice["finish_reason"],
    told: Pick<TextPiece, "tokens" | "tokenIds"> = { tokens: undefined, tokenIds: undefined },
  ): ChatCompletionChunk {
    const logprobs = toChatLogprobs(told.tokens);
    const { requestId, createdS, model, includeUsage, serviceTier } = this.#head;
    return {
      id: `chatcmpl-${requestId}`,
      object: "chat.completion.chunk",
      created: createdS,
      model,
      ...(serviceTier !== undefined && { service_tier: serviceTier }),
      choices: [{ index, delta, logprobs, finish_reason: finishReason, ...outputTokens(told) }],
      ...(includeUsage && { usage: null }),
    };
  }
}

/** The same in a stream and in a whole answer. */
function callId({ requestId }: ReplyHead, index: number, call: number): string {
  return `call_${requestId}_${index}_${call}`;
}

function toChoice(choice: WholeChoice, index: number, head: ReplyHead): ChatCompletion["choices"][number] {
  const { text, reasoning, tokens, calls, finishReason } = choice;
  const toolCalls = calls.map(({ name, argumentsText }, call) => ({
    id: callId(head, index, call),
    type: "function" as const,
    function: { name, arguments: argumentsText },
  }));
  const message = {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    refusal: null,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: toolCalls }),
  } as const;
  const logprobs = toChatLogprobs(tokens);
  return { index, message, logprobs, finish_reason: finishReason, ...outputTokens(choice) };
}

function promptTokens({ promptTokenIds }: ReplyHead): Pick<ChatCompletion, "prompt_token_ids"> {
  const [only] = promptTokenIds ?? [];
  return only === undefined ? {} : { prompt_token_ids: only };
}

function outputTokens({ tokenIds }: Pick<TextPiece, "tokenIds">): Pick<Choice, "token_ids"> {
  return tokenIds === undefined ? {} : { token_ids: tokenIds };
}
