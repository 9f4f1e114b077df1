import { AppError } from "@sluice/shared/errors.ts";
import { type CurrentMessage, messageText } from "@sluice/shared/openai/chat-message.ts";
import { Template } from "@huggingface/jinja";
import type { Tool, ToolCall } from "@sluice/shared/openai/tools.ts";
import { sha256 } from "#platform/sha256.ts";
import type { ControlText } from "./control-text.ts";

/** Tokens that templates write themselves; empty when the model has none. */
export interface TemplateTokens {
  readonly bosToken: string;
  readonly eosToken: string;
}

/** What is rendered beside the messages. */
export interface RenderOptions {
  readonly tools?: readonly Tool[] | undefined;
  /** Variables of the template's own; texts in them are the caller's. */
  readonly variables?: Readonly<Record<string, TemplateValue>> | undefined;
  /** `answer` has the model begin its turn, `continue` go on with the last message; `leave` ends as the messages do. */
  readonly turn?: "answer" | "continue" | "leave" | undefined;
}

export type TemplateValue = string | number | boolean;

/** Names that a caller's variables cannot have. */
const ownNames = ["messages", "tools", "bos_token", "eos_token", "add_generation_prompt"];

/** Mistral's templates raise unless an id has nine letters or digits. */
const takesShortIds = /length\s*!=\s*9\b/;
const shortId = (id: string): string =>
  Buffer.from(sha256(Buffer.from(id)), "binary")
    .toString("hex")
    .slice(0, 9);

/** A model's chat template: messages in, the prompt up to the assistant's turn out. */
export class ChatTemplate {
  readonly #source: string;
  readonly #template: Template;
  readonly #tokens: TemplateTokens;
  /** The ids of calls as the template takes them. */
  readonly #callId: (id: string) => string;

  /** Throws when `source` is not a template. */
  constructor(source: string, tokens: TemplateTokens) {
    this.#template = new Template(source);
    this.#source = source;
    this.#tokens = tokens;
    this.#callId = takesShortIds.test(source) ? shortId : (id) => id;
  }

  /** Whether the template looks at a variable of a caller's. */
  reads(name: string): boolean {
    return !ownNames.includes(name) && new RegExp(`\\b${name}\\b`).test(this.#source);
  }

  /**
   * Renders with every text of the caller's protected, for `Tokenizer.encodeRendered`.
   * Throws `invalid_value` when the template refuses the conversation, such as two user turns in a row.
   */
  render(
    messages: readonly CurrentMessage[],
    controlText: ControlText,
    { tools, variables, turn = "answer" }: RenderOptions = {},
  ): string {
    const rendered = this.#render({
      ...(variables !== undefined && protectMembers(variables, controlText)),
      messages: messages.map((message) => templateMessage(message, controlText, this.#callId)),
      ...(tools !== undefined && { tools: protectAll(tools, controlText) }),
      bos_token: this.#tokens.bosToken,
      eos_token: this.#tokens.eosToken,
      add_generation_prompt: turn === "answer",
    });
    return turn === "continue" ? cutBehindLast(rendered, messages.at(-1), controlText) : rendered;
  }

  #render(context: Record<string, unknown>): string {
    try {
      return this.#template.render(context);
    } catch (error) {
      throw refusal("The model's chat template does not accept these messages in this order.", error);
    }
  }
}

/** Without what the template puts behind the last message, so that the model goes on with it. */
function cutBehindLast(rendered: string, last: CurrentMessage | undefined, controlText: ControlText): string {
  const text = last === undefined ? "" : controlText.protect(messageText(last)).trim();
  const at = text === "" ? -1 : rendered.lastIndexOf(text);
  if (at < 0)
    throw refusal("The last message cannot be continued: the model's chat template does not end with its text.");
  return rendered.slice(0, at + text.length);
}

function refusal(publicText: string, cause?: unknown): AppError {
  return new AppError("invalid_value", { param: "messages", publicText, cause });
}

/** Templates know `system` only; OpenAI renamed it to `developer`. */
function templateMessage(
  message: CurrentMessage,
  controlText: ControlText,
  callId: (id: string) => string,
): Record<string, unknown> {
  const rendered: Record<string, unknown> = {
    role: message.role === "developer" ? "system" : message.role,
    content: controlText.protect(messageText(message)),
  };
  if (message.name) rendered["name"] = controlText.protect(message.name);
  if (message.role === "tool") rendered["tool_call_id"] = controlText.protect(callId(message.tool_call_id));
  if (message.role === "assistant") {
    const { tool_calls: calls, reasoning_content: reasoning } = message;
    if (calls)
      rendered["tool_calls"] = calls.map((call) => templateCall({ ...call, id: callId(call.id) }, controlText));
    if (reasoning) rendered["reasoning_content"] = controlText.protect(reasoning);
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
  return protectMembers(value, controlText);
}

function protectMembers(members: object, controlText: ControlText): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => [controlText.protect(name), protectAll(value, controlText)]),
  );
}
