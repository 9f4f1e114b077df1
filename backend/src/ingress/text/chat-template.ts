import { AppError } from "@sluice/shared/errors.ts";
import { type ChatMessage, messageText } from "@sluice/shared/openai/chat-message.ts";
import { Template } from "@huggingface/jinja";
import type { Tool, ToolCall } from "@sluice/shared/openai/tools.ts";
import type { ControlText } from "./control-text.ts";
import { findToolFormat, type ToolFormat } from "./tool-calls/tool-format.ts";

/** Tokens that templates write themselves; empty when the model has none. */
export interface TemplateTokens {
  readonly bosToken: string;
  readonly eosToken: string;
}

/** A model's chat template: messages in, the prompt up to the assistant's turn out. */
export class ChatTemplate {
  /** Undefined when `tools` cannot be given. */
  readonly toolFormat: ToolFormat | undefined;
  readonly #template: Template;
  readonly #tokens: TemplateTokens;

  /** Throws when `source` is not a template. */
  constructor(source: string, tokens: TemplateTokens) {
    this.#template = new Template(source);
    this.toolFormat = findToolFormat(source);
    this.#tokens = tokens;
  }

  /**
   * Renders with every text of the caller's protected, for `Tokenizer.encodeRendered`.
   * Throws `invalid_value` when the template refuses the conversation, such as two user turns in a row.
   */
  render(messages: readonly ChatMessage[], controlText: ControlText, tools?: readonly Tool[]): string {
    try {
      return this.#template.render({
        messages: messages.map((message) => templateMessage(message, controlText)),
        ...(tools !== undefined && { tools: protectAll(tools, controlText) }),
        bos_token: this.#tokens.bosToken,
        eos_token: this.#tokens.eosToken,
        add_generation_prompt: true,
      });
    } catch (error) {
      throw new AppError("invalid_value", {
        param: "messages",
        publicText: "The model's chat template does not accept these messages in this order.",
        cause: error,
      });
    }
  }
}

/** Templates know `system` only; OpenAI renamed it to `developer`. */
function templateMessage(message: ChatMessage, controlText: ControlText): Record<string, unknown> {
  const rendered: Record<string, unknown> = {
    role: message.role === "developer" ? "system" : message.role,
    content: controlText.protect(messageText(message)),
  };
  if ("name" in message && message.name !== undefined) rendered["name"] = controlText.protect(message.name);
  if (message.role === "tool") rendered["tool_call_id"] = controlText.protect(message.tool_call_id);
  if (message.role === "assistant" && message.tool_calls) {
    rendered["tool_calls"] = message.tool_calls.map((call) => templateCall(call, controlText));
  }
  return rendered;
}

/** Templates write arguments as JSON themselves: they are handed over as what they say, where that is an object. */
function templateCall({ id, type, function: { name, arguments: text } }: ToolCall, controlText: ControlText): unknown {
  return {
    id: controlText.protect(id),
    type,
    function: { name, arguments: protectAll(readArguments(text), controlText) },
  };
}

function readArguments(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : text;
  } catch {
    return text;
  }
}

/** A value with every text in it protected, names of members included. */
function protectAll(value: unknown, controlText: ControlText): unknown {
  if (typeof value === "string") return controlText.protect(value);
  if (Array.isArray(value)) return value.map((item) => protectAll(item, controlText));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [controlText.protect(key), protectAll(item, controlText)]),
  );
}
