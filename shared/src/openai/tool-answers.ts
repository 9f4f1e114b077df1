// Calls in the history have answers, and answers have calls: no template can tell a conversation in which it is otherwise.
// Source: OpenAI API, refusals of `POST /v1/chat/completions`; the texts are its own, without the ids.
import type * as z from "zod/mini";
import type { ChatMessage } from "./chat-message.ts";
import { verbatim } from "./verbatim.ts";

const answersNothing =
  "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.";
const answersAnother = "Invalid parameter: 'tool_call_id' is not found in the 'tool_calls' of the previous message.";
const isUnanswered =
  "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.";

/** Of a message that has calls, the answers are the tool messages right behind it, in any order. */
export function checkToolAnswers({ value: messages, issues }: z.core.ParsePayload<readonly ChatMessage[]>): void {
  const refuse = (path: readonly [number, string], message: string) =>
    issues.push({ code: "custom", path: [...path], message, params: verbatim, input: messages });
  let asked = new Set<string>();
  let unanswered = new Set<string>();
  for (const [index, message] of messages.entries()) {
    if (message.role === "tool") {
      const { tool_call_id: id } = message;
      if (asked.size === 0) refuse([index, "role"], answersNothing);
      else if (!asked.has(id)) refuse([index, "tool_call_id"], answersAnother);
      unanswered.delete(id);
    } else {
      if (unanswered.size > 0) refuse([index, "role"], isUnanswered);
      asked = new Set(message.role === "assistant" ? message.tool_calls?.map(({ id }) => id) : []);
      unanswered = new Set(asked);
    }
    if (issues.length > 0) return;
  }
  if (unanswered.size > 0) refuse([messages.length - 1, "role"], isUnanswered);
}
