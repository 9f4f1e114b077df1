import { createMiddleware } from "hono/factory";
import { apiVersion } from "@sluice/shared/openai/api-version.ts";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";

/** OpenAI's headers on every reply, refusals included: the API's version, and how long the answer took to begin. A region's own word stays. */
export function tellApi(now: Clock) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const startedAtMs = now();
    await next();
    // Of an answer that is there, Hono's `c.header` would make a new one for every header.
    const { headers } = c.res;
    if (!headers.has("openai-version")) headers.set("openai-version", apiVersion);
    if (!headers.has("openai-processing-ms")) headers.set("openai-processing-ms", String(now() - startedAtMs));
  });
}
