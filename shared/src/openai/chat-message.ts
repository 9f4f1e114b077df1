// The messages of a conversation.
import * as z from "zod/mini";
import { assistantContentSchema, contentSchema, contentText } from "./content-part.ts";
import { functionCallSchema, functionName, toolCallsSchema } from "./tools.ts";
import { unsupported, unsupportedUnlessEmpty } from "./unsupported.ts";

const name = z.nullish(z.string());

/** What an SDK sends back when a caller appends the message it received. */
const answerFields = {
  /** Said in place of a content. */
  refusal: z.nullish(z.string()),
  annotations: unsupportedUnlessEmpty(),
  audio: unsupported(),
  tool_calls: z.nullish(toolCallsSchema),
  /** The older word for a single call. */
  function_call: z.nullish(functionCallSchema),
  /** An SDK's own, in what it sends back. */
  parsed: z.optional(z.unknown()),
  /** What the model thought before it said that, as vLLM and DeepSeek name it; the template decides whether it is read again. */
  reasoning_content: z.nullish(z.string()),
};

const isSaid = (said: unknown): boolean => said !== null && said !== undefined;

/** An assistant may say nothing where it calls tools. */
const assistantMessage = z
  .strictObject({ role: z.literal("assistant"), content: z.nullish(assistantContentSchema), name, ...answerFields })
  .check(
    z.refine(
      ({ content, refusal, tool_calls: calls, function_call: call }) =>
        isSaid(content) || isSaid(refusal) || isSaid(call) || (calls ?? []).length > 0,
      { path: ["content"], error: "expected a content, a refusal or calls" },
    ),
  );

export const chatMessageSchema = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("system"), content: contentSchema, name }),
  z.strictObject({ role: z.literal("developer"), content: contentSchema, name }),
  z.strictObject({ role: z.literal("user"), content: contentSchema, name }),
  assistantMessage,
  z.strictObject({ role: z.literal("tool"), content: contentSchema, tool_call_id: z.string(), name }),
  /** What came of a `function_call`. */
  z.strictObject({ role: z.literal("function"), content: z.nullable(contentSchema), name: functionName }),
]);

export type ChatMessage = z.infer<typeof chatMessageSchema>;

/** One in words that have not been replaced by newer ones. */
export type CurrentMessage = Exclude<ChatMessage, { readonly role: "function" }>;

/** The text of a message. */
export function messageText(message: ChatMessage): string {
  if (isSaid(message.content)) return contentText(message.content ?? "");
  return message.role === "assistant" ? (message.refusal ?? "") : "";
}
