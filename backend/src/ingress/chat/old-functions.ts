// Requests that say `functions` where they mean tools. Source: OpenAI API reference, "functions" and "function_call".
import { AppError } from "@sluice/shared/errors.ts";
import type { ChatCompletionRequest } from "@sluice/shared/openai/chat-completion-request.ts";
import type { ChatMessage, CurrentMessage } from "@sluice/shared/openai/chat-message.ts";
import type { Renames } from "./rename-params.ts";

/** A parameter of the request in the newer words, as the caller wrote it. */
export const functionNames: Renames = [
  [/^tools\[(\d+)\]\.function\b/, "functions[$1]"],
  [/^tools\b/, "functions"],
  [/^tool_choice\b/, "function_call"],
];

export function saysFunctions({ functions, function_call: choice }: ChatCompletionRequest): boolean {
  return (functions ?? []).length > 0 || (choice ?? undefined) !== undefined;
}

const newerFields = ["tools", "tool_choice", "parallel_tool_calls"] as const;

/** The same in the newer words. Throws `invalid_value` when it says those, too. */
export function withTools(request: ChatCompletionRequest): ChatCompletionRequest {
  const param = newerFields.find((name) => (request[name] ?? undefined) !== undefined);
  if (param !== undefined) {
    const publicText = `Invalid '${param}': it is not allowed beside 'functions' or 'function_call'.`;
    throw new AppError("invalid_value", { param, publicText });
  }
  const { functions, function_call: choice, ...rest } = request;
  return {
    ...rest,
    tools: functions?.map((one) => ({ type: "function", function: one })),
    tool_choice: typeof choice === "object" && choice !== null ? { type: "function", function: choice } : choice,
    parallel_tool_calls: false,
  };
}

/** The same conversation in the newer words: calls have an id, and results name it. */
export function withToolCalls(messages: readonly ChatMessage[]): CurrentMessage[] {
  let lastId = "call_0";
  return messages.map((message, index) => {
    if (message.role === "function") {
      const { content, name } = message;
      return { role: "tool", content: content ?? "", tool_call_id: lastId, name };
    }
    if (message.role !== "assistant" || !message.function_call) return message;
    const { function_call: call, ...rest } = message;
    lastId = `call_${index}`;
    return { ...rest, tool_calls: [...(rest.tool_calls ?? []), { id: lastId, type: "function", function: call }] };
  });
}
