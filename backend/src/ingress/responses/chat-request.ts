// A response's request in the words of chat completions: the two differ in their wording, not in what a model is asked.
import type { ChatCompletionRequest } from "@sluice/shared/openai/chat-completion-request.ts";
import type { ChatMessage } from "@sluice/shared/openai/chat-message.ts";
import { type InputItem, itemText } from "@sluice/shared/openai/response-input.ts";
import type { ResponseRequest } from "@sluice/shared/openai/response-request.ts";
import type { ToolCall } from "@sluice/shared/openai/tools.ts";

/** @param items the conversation, or what is left of it. */
export function toChatRequest(request: ResponseRequest, items: readonly InputItem[]): ChatCompletionRequest {
  const { model, temperature, top_p, service_tier, parallel_tool_calls } = request;
  const { seed, top_k, min_p, repetition_penalty, min_tokens, ignore_eos, priority, chat_template_kwargs } = request;
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
    chat_template_kwargs,
    reasoning_effort: request.reasoning?.effort,
  };
}

type Assistant = Extract<ChatMessage, { role: "assistant" }>;

/** What an assistant thinks, says and calls in one turn is one message: templates expect it so. */
function toMessages(instructions: string | null | undefined, items: readonly InputItem[]): ChatMessage[] {
  const messages: ChatMessage[] = [];
  if (typeof instructions === "string") messages.push({ role: "system", content: instructions });
  /** Joins the message of the turn that is being told, or begins one. */
  const extend = (add: (turn: Assistant) => Assistant, isNew: (turn: Assistant) => boolean): void => {
    const last = messages.at(-1);
    if (last?.role === "assistant" && !isNew(last)) messages[messages.length - 1] = add(last);
    else messages.push(add({ role: "assistant", content: null }));
  };
  for (const item of items) {
    switch (item.type) {
      case "message": {
        const content = itemText(item.content);
        if (item.role === "assistant") extend((turn) => ({ ...turn, content }), hasSpoken);
        else messages.push({ role: item.role, content });
        break;
      }
      case "function_call":
        extend((turn) => ({ ...turn, tool_calls: [...(turn.tool_calls ?? []), toToolCall(item)] }), never);
        break;
      case "function_call_output":
        messages.push({ role: "tool", tool_call_id: item.call_id, content: itemText(item.output) });
        break;
      case "reasoning":
        extend((turn) => ({ ...turn, reasoning_content: itemText(item.content ?? []) }), always);
        break;
    }
  }
  return messages.filter((message) => message.role !== "assistant" || hasSpoken(message));
}

const never = (): boolean => false;
const always = (): boolean => true;

/** Thoughts alone are no message. */
function hasSpoken({ content, tool_calls: calls }: Assistant): boolean {
  return content !== null || (calls ?? []).length > 0;
}

function toToolCall({ call_id, name, arguments: text }: Extract<InputItem, { type: "function_call" }>): ToolCall {
  return { id: call_id, type: "function", function: { name, arguments: text } };
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
  if (choice.type === "function") return toNamedFunction(choice);
  const { mode, tools } = choice;
  return { type: "allowed_tools", allowed_tools: { mode, tools: tools.map(toNamedFunction) } };
}

function toNamedFunction({ name }: { readonly name: string }) {
  return { type: "function" as const, function: { name } };
}
