// What a message's content may be made of. Source: OpenAI API reference, ChatCompletionRequestMessageContentPart*.
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { unsupportedTypes } from "./unsupported.ts";

const maxParts = 2048;

const textPart = z.strictObject({
  type: z.literal("text"),
  text: z.string(),
  /** Without effect: prefixes are found without being marked. */
  prompt_cache_breakpoint: z.nullish(z.unknown()),
});

/** What an assistant once said in place of an answer. */
const refusalPart = z.strictObject({ type: z.literal("refusal"), refusal: z.string() });

const mediaPart = unsupportedTypes(
  ["image_url", "input_audio", "audio_url", "video_url", "file"],
  "The models served here read text only.",
);

/** Text, or parts of text. */
export const contentSchema = z.union([
  z.string(),
  boundedArray(z.discriminatedUnion("type", [textPart, mediaPart]), 1, maxParts),
]);

/** As `contentSchema`, and with refusals. */
export const assistantContentSchema = z.union([
  z.string(),
  boundedArray(z.discriminatedUnion("type", [textPart, refusalPart, mediaPart]), 0, maxParts),
]);

type Content = z.infer<typeof contentSchema> | z.infer<typeof assistantContentSchema>;

/** The text of a content, its parts joined without a separator. */
export function contentText(content: Content): string {
  if (typeof content === "string") return content;
  return content.map(partText).join("");
}

function partText(part: Exclude<Content, string>[number]): string {
  return part.type === "text" ? part.text : part.refusal;
}
