// The only place that writes an error to a client.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AppError } from "@sluice/shared/errors.ts";
import { encodeEvent } from "@sluice/shared/sse.ts";
import { sendJson } from "./send-json.ts";

/** How long a client may go on sending a body that nobody will read. */
const lingerMs = 1_000;

/**
 * Before the first byte, OpenAI's error object with its status. After it, a last event that carries the same object; the
 * stream then ends without `[DONE]`, so nobody can take it for a whole one. A stream that
 * told of its failure itself, and a client that left, are told nothing.
 */
export function renderError(response: ServerResponse, error: AppError): void {
  if (error.code === "request_cancelled" || response.destroyed) {
    response.destroy();
  } else if (response.headersSent) {
    if (!response.writableEnded) response.end(encodeEvent({ error: error.toErrorObject() }));
  } else {
    if (error.retryAfterMs !== undefined) {
      response.setHeader("retry-after", Math.ceil(error.retryAfterMs / 1000));
      response.setHeader("retry-after-ms", error.retryAfterMs);
    }
    if (!response.req.complete) lingerOver(response.req);
    sendJson(response, error.httpStatus, { error: error.toErrorObject() });
  }
}

/**
 * Discards what is left of a body for a moment: closing at once would reset the connection, and with it an answer that the
 * client has not read yet (RFC 9112, section 9.6).
 */
function lingerOver(request: IncomingMessage): void {
  request.resume();
  const timeout = setTimeout(() => request.destroy(), lingerMs);
  request.once("close", () => clearTimeout(timeout));
}
