import type { ChatCompletion, ChatCompletionChunk, ChatFinishReason } from "@sluice/shared/openai/chat-completion.ts";
import type { WholeChoice } from "#ingress/reply/collect-choices.ts";
import type { TokenUsage } from "#ingress/generation/generation.ts";
import { ChatReply } from "./chat-reply.ts";

/** The wording of `POST /v1/chat/completions` for who said `functions`: one call, without an id. */
export class FunctionReply extends ChatReply {
  override toolCall(index: number, call: number, name: string | undefined, text: string): ChatCompletionChunk {
    const chunk = super.toolCall(index, call, name, text);
    const choices = chunk.choices.map(({ delta, ...choice }) => {
      const { tool_calls: calls = [], ...rest } = delta;
      return { ...choice, delta: { ...rest, ...calls.map((one) => ({ function_call: one.function }))[0] } };
    });
    return { ...chunk, choices };
  }

  override closing(...end: Parameters<ChatReply["closing"]>): ChatCompletionChunk {
    const chunk = super.closing(...end);
    const choices = chunk.choices.map((choice) => ({ ...choice, finish_reason: reword(choice.finish_reason) }));
    return { ...chunk, choices };
  }

  override whole(whole: readonly WholeChoice[], usage: TokenUsage): ChatCompletion {
    const completion = super.whole(whole, usage);
    const choices = completion.choices.map(({ message, ...choice }) => {
      const { tool_calls: calls = [], ...rest } = message;
      const [call] = calls.map((one) => ({ function_call: one.function }));
      return { ...choice, message: { ...rest, ...call }, finish_reason: reword(choice.finish_reason) };
    });
    return { ...completion, choices };
  }
}

function reword<Reason extends ChatFinishReason | null>(reason: Reason): Reason | "function_call" {
  return reason === "tool_calls" ? "function_call" : reason;
}
