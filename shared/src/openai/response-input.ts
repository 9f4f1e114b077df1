// The items of a conversation, as `POST /v1/responses` takes them and as they are kept.
// Source: OpenAI API reference, InputItem; text and functions only.
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { unsupportedTypes, unsupportedUnlessEmpty } from "./unsupported.ts";

const maxItems = 2048;
const maxParts = 2048;
const maxNameLength = 128;

const id = z.nullish(z.string().check(z.minLength(1), z.maxLength(maxNameLength)));
const status = z.nullish(z.enum(["in_progress", "completed", "incomplete"]));
const callId = z.string().check(z.minLength(1), z.maxLength(maxNameLength));

const inputText = z.strictObject({
  type: z.literal("input_text"),
  text: z.string(),
  /** Without effect: prefixes are found without being marked. */
  prompt_cache_breakpoint: z.nullish(z.unknown()),
});

const mediaPart = unsupportedTypes(
  ["input_image", "input_file", "input_audio", "computer_screenshot"],
  "The models served here read text only.",
);

/** A part of an earlier answer, as a client sends it back. */
const outputText = z.strictObject({
  type: z.literal("output_text"),
  text: z.string(),
  annotations: unsupportedUnlessEmpty(),
  /** Said of the answer; nothing to the next one. */
  logprobs: z.optional(z.unknown()),
  parsed: z.optional(z.unknown()),
});

const messageItem = z.strictObject({
  type: z.literal("message"),
  role: z.enum(["user", "assistant", "system", "developer"]),
  content: z.union([
    z.string(),
    boundedArray(z.discriminatedUnion("type", [inputText, outputText, mediaPart]), 0, maxParts),
  ]),
  id,
  status,
  phase: z.nullish(z.string()),
});

const functionCallItem = z.strictObject({
  type: z.literal("function_call"),
  call_id: callId,
  name: z.string().check(z.regex(/^[a-zA-Z0-9_-]{1,64}$/)),
  /** JSON, as the model wrote it. */
  arguments: z.string(),
  id,
  status,
  /** An SDK's own, in what it sends back. */
  parsed_arguments: z.optional(z.unknown()),
});

const functionCallOutputItem = z.strictObject({
  type: z.literal("function_call_output"),
  call_id: callId,
  output: z.union([z.string(), boundedArray(z.discriminatedUnion("type", [inputText, mediaPart]), 0, maxParts)]),
  id,
  status,
});

/** What a model thought before an earlier answer. */
const reasoningItem = z.strictObject({
  type: z.literal("reasoning"),
  id,
  summary: z.array(z.strictObject({ type: z.literal("summary_text"), text: z.string() })),
  content: z.nullish(
    boundedArray(z.strictObject({ type: z.literal("reasoning_text"), text: z.string() }), 0, maxParts),
  ),
  encrypted_content: z.nullish(z.string()),
  status,
});

/** An item that is kept already; the edge puts it in its place. */
const itemReference = z.strictObject({
  type: z.literal("item_reference"),
  id: z.string().check(z.minLength(1), z.maxLength(maxNameLength)),
});

/** Messages may leave their type out, and so may references. */
const typed = z.transform((item: unknown) => {
  if (typeof item !== "object" || item === null || ("type" in item && item.type !== null)) return item;
  return { ...item, type: "role" in item ? "message" : "item_reference" };
});

const items = [messageItem, functionCallItem, functionCallOutputItem, reasoningItem] as const;

export const itemSchema = z.pipe(typed, z.discriminatedUnion("type", items));

export type InputItem = z.output<typeof itemSchema>;

const requestedItemSchema = z.pipe(typed, z.discriminatedUnion("type", [...items, itemReference]));

export type RequestedItem = z.output<typeof requestedItemSchema>;

/** A text is a user's message. */
export const inputSchema = z.union([z.string(), boundedArray(requestedItemSchema, 1, maxItems)]);

/** The text of a message's or an output's content, its parts joined without a separator. */
export function itemText(content: string | readonly { readonly text: string }[]): string {
  return typeof content === "string" ? content : content.map((part) => part.text).join("");
}
