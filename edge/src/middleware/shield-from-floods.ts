import { AppError } from "@sluice/shared/errors.ts";
import { createMiddleware } from "hono/factory";
import type { EdgeContext } from "#edge/context.ts";
import { parseAddress } from "#edge/ip/address.ts";
import type { Logger } from "#edge/logger.ts";

/** The window that wrangler.toml gives the binding. */
const periodMs = 10_000;

/** Of an IPv6 address, what names the caller's network: the rest is the caller's own to choose (RFC 4291, 2.5.4). */
const interfaceBits = 64n;

/**
 * Turns away a caller who floods one of Cloudflare's locations, before anything is read or checked. The platform's count is
 * a location's own and only about right, so this is a shield and no limit: those are kept by the gates. While it fails, it
 * shields nobody and lets everybody pass.
 */
export function shieldFromFloods(shield: RateLimit, log: Logger) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const ip = c.req.header("cf-connecting-ip");
    if (ip !== undefined && (await isFlooding(callerOf(ip), shield, log))) {
      throw new AppError("rate_limit_exceeded", { retryAfterMs: periodMs, detail: "flood shield" });
    }
    await next();
  });
}

/** Whose requests are counted together: those of an IPv4 address, or of an IPv6 network. */
function callerOf(ip: string): string {
  const address = ip.includes(":") ? parseAddress(ip) : undefined;
  return address?.version === 6 ? `${(address.bits >> interfaceBits).toString(16)}/64` : ip;
}

async function isFlooding(key: string, shield: RateLimit, log: Logger): Promise<boolean> {
  try {
    return !(await shield.limit({ key })).success;
  } catch (thrown) {
    log.error("flood shield failed", { errorDetail: String(thrown) });
    return false;
  }
}
