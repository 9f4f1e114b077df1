import { AppError } from "@sluice/shared/errors.ts";
import { type ChatMessage, messageText } from "@sluice/shared/openai/chat-message.ts";
import { Template } from "@huggingface/jinja";
import type { ControlText } from "./control-text.ts";

/** Tokens that templates write themselves; empty when the model has none. */
export interface TemplateTokens {
  readonly bosToken: string;
  readonly eosToken: string;
}

/** A model's chat template: messages in, the prompt up to the assistant's turn out. */
export class ChatTemplate {
  readonly #template: Template;
  readonly #tokens: TemplateTokens;

  /** Throws when `source` is not a template. */
  constructor(source: string, tokens: TemplateTokens) {
    this.#template = new Template(source);
    this.#tokens = tokens;
  }

  /**
   * Renders with every text of the caller's protected, for `Tokenizer.encodeRendered`.
   * Throws `invalid_value` when the template refuses the conversation, such as two user turns in a row.
   */
  render(messages: readonly ChatMessage[], controlText: ControlText): string {
    try {
      return this.#template.render({
        messages: messages.map((message) => templateMessage(message, controlText)),
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
function templateMessage(message: ChatMessage, controlText: ControlText): Record<string, string> {
  const rendered: Record<string, string> = {
    role: message.role === "developer" ? "system" : message.role,
    content: controlText.protect(messageText(message)),
  };
  if ("name" in message && message.name !== undefined) rendered["name"] = controlText.protect(message.name);
  if (message.role === "tool") rendered["tool_call_id"] = controlText.protect(message.tool_call_id);
  return rendered;
}
