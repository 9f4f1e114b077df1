import { createMiddleware } from "hono/factory";
import type { ServiceTier } from "#edge/auth/service-tier.ts";
import type { EdgeContext } from "#edge/context.ts";

/** The request is of this tier, whatever its body asks for. */
export function atTier(tier: ServiceTier) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    c.set("serviceTier", tier);
    await next();
  });
}
