// The messages of a conversation, text only.
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { toolCallsSchema } from "./tools.ts";
import { unsupported, unsupportedUnlessEmpty } from "./unsupported.ts";

const maxParts = 2048;

const textPart = z.strictObject({ type: z.literal("text"), text: z.string() });

const content = z.union([z.string(), boundedArray(textPart, 1, maxParts)]);

const name = z.optional(z.string());

/** What an SDK sends back when a caller appends the message it received. */
const answerFields = {
  refusal: unsupported(),
  annotations: unsupportedUnlessEmpty(),
  audio: unsupported(),
  function_call: unsupported(),
  tool_calls: z.nullish(toolCallsSchema),
};

const isSaid = (said: unknown): boolean => said !== null && said !== undefined;

/** An assistant may say nothing where it calls tools. */
export const chatMessageSchema = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("system"), content, name }),
  z.strictObject({ role: z.literal("developer"), content, name }),
  z.strictObject({ role: z.literal("user"), content, name }),
  z
    .strictObject({ role: z.literal("assistant"), content: z.nullish(content), name, ...answerFields })
    .check(
      z.refine(({ content, tool_calls: calls }) => isSaid(content) || (calls ?? []).length > 0, { path: ["content"] }),
    ),
  z.strictObject({ role: z.literal("tool"), content, tool_call_id: z.string() }),
]);

export type ChatMessage = z.infer<typeof chatMessageSchema>;

/** The text of a message, its parts joined without a separator. */
export function messageText(message: ChatMessage): string {
  if (typeof message.content === "string") return message.content;
  return (message.content ?? []).map((part) => part.text).join("");
}
