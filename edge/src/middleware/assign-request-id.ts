import { createMiddleware } from "hono/factory";
import type { EdgeContext } from "#edge/context.ts";
import type { Entropy } from "#edge/entropy.ts";
import { newRequestId } from "#edge/request-id.ts";

/** Printable ASCII, as long as OpenAI accepts it. */
const clientIdPattern = /^[\x21-\x7e]{1,512}$/;

/**
 * Names the request. The name is always ours: a caller could otherwise make two requests look like one in logs, passports
 * and the ledger. Its own name, in `x-client-request-id`, is carried along and logged.
 */
export function assignRequestId(entropy: Entropy) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const requestId = newRequestId(entropy);
    const clientId = c.req.header("x-client-request-id");
    const clientRequestId = clientId !== undefined && clientIdPattern.test(clientId) ? clientId : undefined;
    c.set("requestId", requestId);
    c.set("clientRequestId", clientRequestId);
    await next();
    const { headers } = c.res;
    headers.set("x-request-id", requestId);
    if (clientRequestId !== undefined) headers.set("x-client-request-id", clientRequestId);
  });
}
