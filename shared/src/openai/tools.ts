// Functions that the model may call. Source: OpenAI API reference, "tools" and "tool_choice".
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { unsupportedTypes } from "./unsupported.ts";

export const maxTools = 128;
const maxCalls = 128;

const isRecord = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

export const functionName = z.string().check(z.regex(/^[a-zA-Z0-9_-]{1,64}$/));

/** Tools whose input is free text, or bound by a grammar of the caller's. */
const customTool = unsupportedTypes(["custom"], "Tools must be of type 'function'.");

export const functionFields = {
  name: functionName,
  description: z.nullish(z.string()),
  /** A JSON Schema of the arguments; without it there are none. */
  parameters: z.nullish(z.unknown().check(z.refine(isRecord, { error: "expected object" }))),
};

const functionTool = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    ...functionFields,
    /** Whether the arguments of every call that is not cut off are valid under `parameters`, whoever decides that it is made. */
    strict: z.nullish(z.boolean()),
  }),
});

export type Tool = z.infer<typeof functionTool>;

const namedFunction = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({ name: functionName }),
});

const toolChoiceSchema = z.union([
  z.enum(["none", "auto", "required"]),
  z.discriminatedUnion("type", [
    namedFunction,
    z.strictObject({
      type: z.literal("allowed_tools"),
      /** Some of the tools may be called, or one of them must; the model is told of all. */
      allowed_tools: z.strictObject({
        mode: z.enum(["auto", "required"]),
        tools: boundedArray(namedFunction, 1, maxTools),
      }),
    }),
    customTool,
  ]),
]);

export type ToolChoice = z.infer<typeof toolChoiceSchema>;

export const toolFields = {
  tools: z.nullish(boundedArray(z.discriminatedUnion("type", [functionTool, customTool]), 0, maxTools)),
  /** `auto` when there are tools, else `none`. */
  tool_choice: z.nullish(toolChoiceSchema),
  /** Whether one answer may call more than one; true by default. */
  parallel_tool_calls: z.nullish(z.boolean()),
};

export interface FunctionCall {
  readonly name: string;
  /** JSON, as the model wrote it. */
  readonly arguments: string;
}

export interface ToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: FunctionCall;
}

export const functionCallSchema = z.strictObject({
  name: functionName,
  arguments: z.string(),
  /** An SDK's own, in what it sends back. */
  parsed_arguments: z.optional(z.unknown()),
});

/** A call in the history. */
const toolCallSchema = z.strictObject({
  id: z.string(),
  type: z.literal("function"),
  function: functionCallSchema,
  /** Its place, as an SDK leaves it in what it puts together of a stream. */
  index: z.optional(z.unknown()),
});

export const toolCallsSchema = boundedArray(toolCallSchema, 0, maxCalls);
