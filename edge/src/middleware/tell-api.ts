import { createMiddleware } from "hono/factory";
import { apiVersion } from "@sluice/shared/openai/api-version.ts";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";

/** OpenAI's headers on every reply, refusals included: the API's version, and how long the answer took to begin. A region's own word stays. */
export function tellApi(now: Clock) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const startedAtMs = now();
    await next();
    const told = { "openai-version": apiVersion, "openai-processing-ms": String(now() - startedAtMs) };
    for (const [name, value] of Object.entries(told)) if (!c.res.headers.has(name)) c.header(name, value);
  });
}
