import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { engineFields } from "./engine-fields.ts";
import { requestFields } from "./request-fields.ts";
import { inputSchema } from "./response-input.ts";
import { jsonSchema } from "./structured-output.ts";
import { reasoningEffortSchema, templateFields } from "./template-fields.ts";
import { functionFields, functionName, maxTools } from "./tools.ts";
import { unsupported, unsupportedFor, unsupportedTypes } from "./unsupported.ts";

const functionTool = z.strictObject({
  type: z.literal("function"),
  ...functionFields,
  /** Whether arguments are always valid under `parameters`; true by default, unlike in chat completions. */
  strict: z.nullish(z.boolean()),
});

/** What OpenAI runs itself, or has run by others. */
const hostedTool = unsupportedTypes(
  [
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "file_search",
    "computer",
    "computer_use_preview",
    "code_interpreter",
    "mcp",
    "image_generation",
    "local_shell",
    "shell",
    "apply_patch",
    "tool_search",
    "namespace",
    "custom",
  ],
  "Tools must be of type 'function'.",
);

const namedFunction = z.strictObject({ type: z.literal("function"), name: functionName });

export const responseToolChoiceSchema = z.union([
  z.enum(["none", "auto", "required"]),
  z.discriminatedUnion("type", [
    namedFunction,
    z.strictObject({
      type: z.literal("allowed_tools"),
      /** Some of the tools may be called, or one of them must; the model is told of all. */
      mode: z.enum(["auto", "required"]),
      tools: boundedArray(namedFunction, 1, maxTools),
    }),
  ]),
]);

export const textFormatSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    name: functionName,
    description: z.nullish(z.string()),
    schema: jsonSchema,
    /** The schema is enforced either way. */
    strict: z.nullish(z.boolean()),
  }),
]);

export type TextFormat = z.infer<typeof textFormatSchema>;

/** What more an answer may tell. All but the first are of tools, or of parts, that no answer here has. */
const inclusionSchema = z.enum([
  "message.output_text.logprobs",
  "reasoning.encrypted_content",
  "message.input_image.image_url",
  "file_search_call.results",
  "web_search_call.results",
  "web_search_call.action.sources",
  "computer_call_output.output.image_url",
  "code_interpreter_call.outputs",
]);

const { top_k, min_p, repetition_penalty, min_tokens, ignore_eos, priority } = engineFields;
const { chat_template_kwargs } = templateFields;

/** The body of `POST /v1/responses`. */
export const responseRequestSchema = z.strictObject({
  ...requestFields,
  input: inputSchema,
  /** Of this response only: the next one of a conversation does not inherit it. */
  instructions: z.nullish(z.string()),
  /** The conversation so far. The edge puts its items in front of `input`; a region only repeats the name. */
  previous_response_id: z.nullish(z.string()),
  /** Whether the response can be had again; true by default. */
  store: z.nullish(z.boolean()),
  /** Whether it is computed apart from the request; only with `store`. */
  background: z.nullish(z.boolean()),
  stream_options: z.nullish(z.strictObject({ include_obfuscation: unsupported(false) })),
  max_output_tokens: z.nullish(z.int().check(z.minimum(1))),
  top_logprobs: z.nullish(z.int().check(z.minimum(0), z.maximum(20))),
  include: z.nullish(boundedArray(inclusionSchema, 0, 16)),
  tools: z.nullish(boundedArray(z.discriminatedUnion("type", [functionTool, hostedTool]), 0, maxTools)),
  /** `auto` when there are tools, else `none`. */
  tool_choice: z.nullish(responseToolChoiceSchema),
  /** Whether one answer may call more than one; true by default. */
  parallel_tool_calls: z.nullish(z.boolean()),
  text: z.nullish(z.strictObject({ format: z.nullish(textFormatSchema), verbosity: unsupported("medium") })),
  /** `auto`: a conversation that is too long loses its oldest turns. `disabled`, the default: it is refused. */
  truncation: z.nullish(z.enum(["auto", "disabled"])),
  reasoning: z.nullish(
    z.strictObject({
      /** Only where the model's template has it; whether it does is not known here. */
      effort: z.nullish(reasoningEffortSchema),
      /** What the model thought is told as it is. */
      summary: unsupported("auto"),
      generate_summary: unsupported("auto"),
      /** Which earlier thoughts the model reads again is the template's to say. */
      context: unsupported("auto"),
      mode: unsupported("standard"),
    }),
  ),

  conversation: unsupportedFor("Go on from a response with 'previous_response_id'."),
  prompt: unsupportedFor("Send what it says as 'instructions' and 'input'."),
  context_management: unsupported(),
  moderation: unsupported(),
  access_programs: unsupported(),
  image: unsupported(),

  // Not OpenAI's, but the open engines', in vLLM's words.
  top_k,
  min_p,
  repetition_penalty,
  min_tokens,
  ignore_eos,
  priority,
  chat_template_kwargs,

  /** Without effect: the limit is of OpenAI's own tools. */
  max_tool_calls: z.nullish(z.int().check(z.minimum(1))),
});

export type ResponseRequest = z.output<typeof responseRequestSchema>;
