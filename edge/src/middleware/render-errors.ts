// The only place that writes error responses, in OpenAI's shape. After the first byte of a stream the same object goes out
// as its last event instead; see proxy/relay-events.ts.
import { AppError } from "@sluice/shared/errors.ts";
import type { Context } from "hono";
import type { EdgeContext } from "#edge/context.ts";
import { clientPatienceMs } from "#edge/rate-limit/client-patience.ts";

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
  if (isRetriedInVain(error)) headers.set("x-should-retry", "false");
  return Response.json({ error: error.toErrorObject() }, { status: error.httpStatus, headers });
}

/** OpenAI's clients retry these statuses, whatever the error is and when it will be over, unless they are told not to. */
function isRetriedInVain({ httpStatus, retryable, retryAfterMs = 0 }: AppError): boolean {
  const isRetried = httpStatus === 408 || httpStatus === 409 || httpStatus === 429 || httpStatus >= 500;
  return isRetried && (!retryable || retryAfterMs > clientPatienceMs);
}
