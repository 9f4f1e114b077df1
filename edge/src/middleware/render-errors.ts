// The only place that writes error responses, in OpenAI's shape. After the first byte of a stream the same object goes out
// as its last event instead; see proxy/relay-events.ts.
import { AppError } from "@sluice/shared/errors.ts";
import type { Context } from "hono";
import type { EdgeContext } from "#edge/context.ts";

/** Hono's error handler. Headers that a step set before it threw stay on the response. */
export function renderErrors(thrown: Error, c: Context<EdgeContext>): Response {
  const response = errorResponse(AppError.from(thrown));
  return c.newResponse(response.body, response);
}

/** An error as a response, with when to come back if that is known. */
export function errorResponse(error: AppError): Response {
  const headers = new Headers();
  if (error.retryAfterMs !== undefined) {
    headers.set("retry-after", String(Math.ceil(error.retryAfterMs / 1000)));
    headers.set("retry-after-ms", String(Math.ceil(error.retryAfterMs)));
  }
  return Response.json({ error: error.toErrorObject() }, { status: error.httpStatus, headers });
}
