import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { placeOf } from "#edge/auth/leased/place.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { Clock } from "#edge/clock.ts";
import type { EndedRequest } from "#edge/ledger/settlement.ts";
import type { Settler } from "#edge/ledger/settler.ts";

export interface SettleParts {
  readonly settler: Settler;
  readonly now: Clock;
}

/**
 * Settles an admitted request when it has ended, whichever way: complete, refused, failed, or left by its caller in any
 * phase. The work is promised to the platform before anything can go wrong, because a caller's leaving cancels whatever
 * was not. If the platform fails to keep it, the reservation ends at its deadline.
 */
export function settle({ settler, now }: SettleParts) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const startedAtMs = now();
    settler.begin();
    const answered = Promise.withResolvers<void>();
    const settled = answered.promise.then(async () => {
      await c.get("ending");
      return settler.end(c.get("isHandedOver") === true ? undefined : endedRequest(c, startedAtMs));
    });
    c.executionCtx.waitUntil(settled);
    c.set("usage", settled);
    try {
      await next();
    } finally {
      answered.resolve();
    }
  });
}

/** Of a request that was admitted. */
export function endedRequest(c: Context<EdgeContext>, startedAtMs: number): EndedRequest {
  const { principal, reservedTokens, isLeased } = c.get("admitted");
  return {
    requestId: c.get("requestId"),
    principal,
    place: placeOf(c.req.raw),
    model: c.get("model") ?? "",
    startedAtMs,
    reservedTokens,
    isLeased,
    asked: c.get("asked") ?? [],
  };
}
