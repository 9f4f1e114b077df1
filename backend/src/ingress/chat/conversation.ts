import { AppError } from "@sluice/shared/errors.ts";
import type { ChatCompletionRequest } from "@sluice/shared/openai/chat-completion-request.ts";
import { messageText } from "@sluice/shared/openai/chat-message.ts";
import { maxTokenizedLength } from "@sluice/shared/openai/tokenize-request.ts";
import type { Tool } from "@sluice/shared/openai/tools.ts";
import { assertMayFit } from "#ingress/generation/output-budget.ts";
import type { RenderOptions } from "#ingress/text/chat-template.ts";
import type { ServedModel } from "#ingress/text/served-model.ts";
import { withToolCalls } from "./old-functions.ts";
import { templateVariables, type VariableFields } from "./template-variables.ts";

/** The fields of a chat request that make its prompt. */
export interface ConversationFields extends VariableFields {
  readonly messages: ChatCompletionRequest["messages"];
  readonly add_generation_prompt?: boolean | null | undefined;
  readonly continue_final_message?: boolean | null | undefined;
}

/**
 * A conversation as the model reads it, up to where it goes on. Refuses what the template does not take, by name.
 *
 * @param maxModelLen absent where its tokens are only counted, however many: its text is then bounded by itself.
 */
export function renderConversation(
  fields: ConversationFields,
  tools: readonly Tool[] | undefined,
  { chatTemplate, tokenizer }: ServedModel,
  maxModelLen?: number,
): string {
  if (chatTemplate === undefined) {
    throw new AppError("invalid_value", { param: "model", publicText: "This is not a chat model." });
  }
  const messages = withToolCalls(fields.messages);
  const toolsLength = tools === undefined ? 0 : JSON.stringify(tools).length;
  const textLength = messages.reduce((length, message) => length + messageText(message).length, toolsLength);
  const assertNotTooLong = (length: number): void => {
    if (maxModelLen !== undefined) assertMayFit(length, tokenizer.longestToken, maxModelLen, "messages");
    else if (length > maxTokenizedLength) throw tooLong();
  };
  assertNotTooLong(textLength);
  const variables = templateVariables(fields, chatTemplate);
  const rendered = chatTemplate.render(messages, tokenizer.controlText, { tools, variables, turn: turnOf(fields) });
  // Calls and names are text, too. Half of what is written may be marks (control-text.ts).
  assertNotTooLong(Math.floor(rendered.length / 2));
  return rendered;
}

function tooLong(): AppError {
  const publicText = `Invalid 'messages': their tokens are counted up to ${maxTokenizedLength} characters.`;
  return new AppError("invalid_value", { param: "messages", publicText });
}

function turnOf(fields: ConversationFields): RenderOptions["turn"] {
  const mayAnswer = fields.add_generation_prompt !== false;
  if (fields.continue_final_message !== true) return mayAnswer ? "answer" : "leave";
  if (mayAnswer) throw invalid("it is only allowed where 'add_generation_prompt' is false");
  if (fields.messages.at(-1)?.role !== "assistant") throw invalid("the last message is not the assistant's");
  return "continue";
}

function invalid(why: string): AppError {
  const param = "continue_final_message";
  return new AppError("invalid_value", { param, publicText: `Invalid '${param}': ${why}.` });
}
