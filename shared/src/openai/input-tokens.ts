// How many tokens a response's input would be. Source: OpenAI API reference, "Get input token counts".
import * as z from "zod/mini";
import { responseRequestSchema } from "./response-request.ts";
import { unsupported } from "./unsupported.ts";

const { model, input, instructions, previous_response_id, conversation, chat_template_kwargs } =
  responseRequestSchema.shape;
const { tools, tool_choice, parallel_tool_calls, text, reasoning, truncation } = responseRequestSchema.shape;

/** The body of `POST /v1/responses/input_tokens`: what of a response's request is about its input. */
export const inputTokensRequestSchema = z.strictObject({
  model,
  input,
  instructions,
  previous_response_id,
  tools,
  tool_choice,
  parallel_tool_calls,
  text,
  reasoning,
  /** Without effect: all is counted, also what would be left out. */
  truncation,
  conversation,
  personality: unsupported(),

  // Not OpenAI's, but vLLM's.
  chat_template_kwargs,
});

export interface InputTokens {
  readonly object: "response.input_tokens";
  readonly input_tokens: number;
}
