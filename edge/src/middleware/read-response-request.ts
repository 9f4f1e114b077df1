import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { responseRequestSchema } from "@sluice/shared/openai/response-request.ts";
import { AppError } from "@sluice/shared/errors.ts";
import type { Interpret } from "#edge/middleware/read-body.ts";
import { estimateResponseDemand } from "#edge/rate-limit/estimate-demand.ts";

/** What `POST /v1/responses` asks for. The edge must understand it, because the edge keeps it. */
export const readResponseRequest: Interpret = (value, c) => {
  const request = parseRequest(responseRequestSchema, value);
  if (request.background === true && request.store === false) {
    const publicText = "A response in the background must be stored.";
    throw new AppError("invalid_value", { param: "background", publicText });
  }
  c.set("responseRequest", request);
  return estimateResponseDemand(value);
};
