import { AppError } from "@sluice/shared/errors.ts";
import { createMiddleware } from "hono/factory";
import type { EdgeContext } from "#edge/context.ts";

/** The window that wrangler.toml gives the binding. */
const periodMs = 10_000;

/**
 * Turns away an address that floods one of Cloudflare's locations, before anything is read or checked. The platform's count is
 * a location's own and only about right, so this is a shield and no limit: those are kept by the gates.
 */
export function shieldFromFloods(shield: RateLimit) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const ip = c.req.header("cf-connecting-ip");
    if (ip !== undefined && !(await shield.limit({ key: ip })).success) {
      throw new AppError("rate_limit_exceeded", { retryAfterMs: periodMs, detail: "flood shield" });
    }
    await next();
  });
}
