// What the output must be. Sources: OpenAI API reference, "response_format"; vLLM docs, "Structured Outputs".
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { unsupported } from "./unsupported.ts";
import { wellFormed } from "./well-formed.ts";

const maxChoices = 1024;
const maxPatternLength = 16_384;

const isRecord = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether its keywords can be enforced is not known here. */
export const jsonSchema = z.unknown().check(z.refine(isRecord, { error: "expected object" }));

/** vLLM also takes the text of a schema. */
const jsonSchemaOrText = z.union([z.string(), jsonSchema]);

const pattern = z.string().check(z.maxLength(maxPatternLength));
const choices = boundedArray(z.string().check(wellFormed), 1, maxChoices);

export const responseFormatSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    json_schema: z.strictObject({
      name: z.string().check(z.regex(/^[a-zA-Z0-9_-]{1,64}$/)),
      description: z.nullish(z.string()),
      schema: z.nullish(jsonSchema),
      /** The schema is enforced either way. */
      strict: z.nullish(z.boolean()),
    }),
  }),
]);

export const structuredOutputFields = {
  response_format: z.nullish(responseFormatSchema),

  // Not OpenAI's, but vLLM's. All match the whole output.
  structured_outputs: z.nullish(
    z.strictObject({
      json: z.nullish(jsonSchemaOrText),
      json_object: z.nullish(z.boolean()),
      regex: z.nullish(pattern),
      choice: z.nullish(choices),
      grammar: unsupported(),
      structural_tag: unsupported(),
      whitespace_pattern: unsupported(),
      disable_any_whitespace: unsupported(false),
      disable_additional_properties: unsupported(false),
    }),
  ),
  guided_json: z.nullish(jsonSchemaOrText),
  guided_regex: z.nullish(pattern),
  guided_choice: z.nullish(choices),
  guided_grammar: unsupported(),
  guided_whitespace_pattern: unsupported(),
  guided_decoding_backend: unsupported("xgrammar", "auto"),
};
