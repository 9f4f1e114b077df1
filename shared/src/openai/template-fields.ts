// What a chat asks of the model's chat template. Sources: OpenAI API reference, `reasoning_effort`; vLLM's
// ChatCompletionRequest for the rest.
import * as z from "zod/mini";
import { unsupported, unsupportedUnlessEmpty } from "./unsupported.ts";

const maxVariables = 16;
const maxTextLength = 1024;

const isSmallRecord = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length <= maxVariables;

const templateVariables = z.pipe(
  z.unknown().check(z.refine(isSmallRecord, { error: `expected an object of at most ${maxVariables} members` })),
  z.record(
    z.string().check(z.regex(/^[a-zA-Z_]\w{0,63}$/)),
    z.union([z.string().check(z.maxLength(maxTextLength)), z.number(), z.boolean()]),
  ),
);

export const reasoningEffortSchema = z.enum(["none", "minimal", "low", "medium", "high", "xhigh", "max"]);

export type ReasoningEffort = z.infer<typeof reasoningEffortSchema>;

export const templateFields = {
  /** Only where the model's template has it; whether it does is not known here. */
  reasoning_effort: z.nullish(reasoningEffortSchema),

  // vLLM's.
  /** Variables of the template, such as `enable_thinking`. */
  chat_template_kwargs: z.nullish(templateVariables),
  /** False leaves the conversation as it is: the model is not told that it is its turn. */
  add_generation_prompt: z.nullish(z.boolean()),
  /** True has the model go on with the last message, which is its own; only with `add_generation_prompt` false. */
  continue_final_message: z.nullish(z.boolean()),
  /** Whether the answer begins with the message that it goes on with. */
  echo: z.nullish(z.boolean()),
  /** Whether the answer tells what the model thought; true by default. */
  include_reasoning: z.nullish(z.boolean()),
  add_special_tokens: unsupported(false),
  chat_template: unsupported(),
  documents: unsupportedUnlessEmpty(),
};
