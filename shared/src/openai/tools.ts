// Functions that the model may call. Source: OpenAI API reference, "tools" and "tool_choice".
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";

const maxTools = 128;
const maxCalls = 128;

const isRecord = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

const functionName = z.string().check(z.regex(/^[a-zA-Z0-9_-]{1,64}$/));

const toolSchema = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name: functionName,
    description: z.nullish(z.string()),
    /** A JSON Schema of the arguments; without it there are none. */
    parameters: z.nullish(z.unknown().check(z.refine(isRecord))),
    /** Whether arguments are always valid under `parameters`. */
    strict: z.nullish(z.boolean()),
  }),
});

export type Tool = z.infer<typeof toolSchema>;

const toolChoiceSchema = z.union([
  z.enum(["none", "auto", "required"]),
  z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: functionName }) }),
]);

export type ToolChoice = z.infer<typeof toolChoiceSchema>;

export const toolFields = {
  tools: z.nullish(boundedArray(toolSchema, 0, maxTools)),
  /** `auto` when there are tools, else `none`. */
  tool_choice: z.nullish(toolChoiceSchema),
  /** Whether one answer may call more than one; true by default. */
  parallel_tool_calls: z.nullish(z.boolean()),
};

/** A call in the history. */
const toolCallSchema = z.strictObject({
  id: z.string(),
  type: z.literal("function"),
  function: z.strictObject({
    name: functionName,
    /** JSON, as the model wrote it. */
    arguments: z.string(),
  }),
});

export const toolCallsSchema = boundedArray(toolCallSchema, 0, maxCalls);

export type ToolCall = z.infer<typeof toolCallSchema>;
