import { inputTokensRequestSchema } from "@sluice/shared/openai/input-tokens.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { Interpret } from "#edge/middleware/read-body.ts";
import { noTokens } from "#edge/rate-limit/estimate-demand.ts";

/** What `POST /v1/responses/input_tokens` asks for: a response that is counted, and not made. */
export const readInputTokensRequest: Interpret = (value, c) => {
  c.set("responseRequest", parseRequest(inputTokensRequestSchema, value));
  return noTokens;
};
