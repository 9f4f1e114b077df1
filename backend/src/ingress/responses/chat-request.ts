// A response's request in the words of chat completions: the two differ in their wording, not in what a model is asked.
import type { ChatCompletionRequest } from "@sluice/shared/openai/chat-completion-request.ts";
import type { ChatMessage } from "@sluice/shared/openai/chat-message.ts";
import { type InputItem, itemText } from "@sluice/shared/openai/response-input.ts";
import type { ResponseRequest } from "@sluice/shared/openai/response-request.ts";
import type { ToolCall } from "@sluice/shared/openai/tools.ts";

/** @param items the conversation, or what is left of it. */
export function toChatRequest(request: ResponseRequest, items: readonly InputItem[]): ChatCompletionRequest {
  const { model, temperature, top_p, service_tier, parallel_tool_calls } = request;
  const { seed, top_k, min_p, repetition_penalty, min_tokens, ignore_eos, priority } = request;
  const hasLogprobs =
    request.include?.includes("message.output_text.logprobs") === true || (request.top_logprobs ?? 0) > 0;
  return {
    model,
    messages: toMessages(request.instructions, items),
    max_completion_tokens: request.max_output_tokens,
    temperature,
    top_p,
    service_tier,
    parallel_tool_calls,
    ...(hasLogprobs && { logprobs: true, top_logprobs: request.top_logprobs ?? 0 }),
    response_format: toResponseFormat(request.text?.format),
    tools: request.tools?.map(({ name, description, parameters, strict }) => ({
      type: "function",
      function: { name, description, parameters, strict: strict ?? true },
    })),
    tool_choice: toToolChoice(request.tool_choice),
    seed,
    top_k,
    min_p,
    repetition_penalty,
    min_tokens,
    ignore_eos,
    priority,
  };
}

/** Calls stand beside what was said before them, in one message: templates expect it so. */
function toMessages(instructions: string | null | undefined, items: readonly InputItem[]): ChatMessage[] {
  const messages: ChatMessage[] = [];
  if (typeof instructions === "string") messages.push({ role: "system", content: instructions });
  for (const item of items) {
    switch (item.type) {
      case "message":
        messages.push({ role: item.role, content: itemText(item.content) });
        break;
      case "function_call":
        addCall(messages, item);
        break;
      case "function_call_output":
        messages.push({ role: "tool", tool_call_id: item.call_id, content: itemText(item.output) });
        break;
      case "reasoning":
        // A model does not read again what it thought before.
        break;
    }
  }
  return messages;
}

function addCall(messages: ChatMessage[], item: Extract<InputItem, { type: "function_call" }>): void {
  const call: ToolCall = {
    id: item.call_id,
    type: "function",
    function: { name: item.name, arguments: item.arguments },
  };
  const last = messages.at(-1);
  if (last?.role === "assistant")
    messages[messages.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), call] };
  else messages.push({ role: "assistant", content: null, tool_calls: [call] });
}

function toResponseFormat(
  format: NonNullable<ResponseRequest["text"]>["format"],
): ChatCompletionRequest["response_format"] {
  if (format === null || format === undefined || format.type !== "json_schema") return format;
  const { name, description, schema, strict } = format;
  return { type: "json_schema", json_schema: { name, description, schema, strict } };
}

function toToolChoice(choice: ResponseRequest["tool_choice"]): ChatCompletionRequest["tool_choice"] {
  if (typeof choice !== "object" || choice === null) return choice;
  return { type: "function", function: { name: choice.name } };
}
