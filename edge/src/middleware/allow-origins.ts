import { cors } from "hono/cors";
import type { MiddlewareHandler } from "hono";
import type { EdgeContext } from "#edge/context.ts";

/** What a page's script may read of a reply, beside its body. */
const exposedHeaders = [
  "content-disposition",
  "content-range",
  "idempotent-replayed",
  "openai-model",
  "openai-processing-ms",
  "openai-version",
  "retry-after",
  "retry-after-ms",
  "x-client-request-id",
  "x-request-id",
  "x-should-retry",
  "x-ratelimit-limit-requests",
  "x-ratelimit-limit-tokens",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-remaining-tokens",
  "x-ratelimit-reset-requests",
  "x-ratelimit-reset-tokens",
  "x-sluice-key-expires-at",
  "x-sluice-region",
  "x-sluice-routing",
];

const preflightLifetimeS = 7_200;

/**
 * Lets pages of certain origins call the API (CORS, Fetch standard). A preflight carries no credential, so who may ask at all
 * is the deployment's setting; which of them may use a key is the key's.
 */
export function allowOrigins(origins: readonly string[]): MiddlewareHandler<EdgeContext> {
  return cors({
    origin: (origin) => (origins.includes("*") || origins.includes(origin) ? origin : null),
    allowMethods: ["GET", "POST", "DELETE"],
    exposeHeaders: exposedHeaders,
    maxAge: preflightLifetimeS,
  });
}
