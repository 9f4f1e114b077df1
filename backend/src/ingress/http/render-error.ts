// The only place that writes an error to a client.
import type { ServerResponse } from "node:http";
import type { AppError } from "@sluice/shared/errors.ts";
import { encodeEvent } from "@sluice/shared/sse.ts";
import { sendJson } from "./send-json.ts";

/**
 * Before the first byte, OpenAI's error object with its status. After it, a last event that carries the same object; the
 * stream then ends without `[DONE]`, so nobody can take it for a whole one. A client that left is told nothing.
 */
export function renderError(response: ServerResponse, error: AppError): void {
  if (error.code === "request_cancelled" || response.destroyed) {
    response.destroy();
  } else if (response.headersSent) {
    response.end(encodeEvent({ error: error.toErrorObject() }));
  } else {
    if (error.retryAfterMs !== undefined) {
      response.setHeader("retry-after", Math.ceil(error.retryAfterMs / 1000));
      response.setHeader("retry-after-ms", error.retryAfterMs);
    }
    // What is left of an unread body must not be taken for the next request.
    if (!response.req.complete) response.setHeader("connection", "close");
    sendJson(response, error.httpStatus, { error: error.toErrorObject() });
  }
}
