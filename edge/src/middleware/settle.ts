import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { placeOf } from "#edge/auth/leased/place.ts";
import type { EdgeContext } from "#edge/context.ts";
import { charge, type ChargeParts, type EndedRequest, measure } from "#edge/ledger/settlement.ts";
import type { ReceiptFetcher } from "#edge/proxy/fetch-receipt.ts";
import type { Usage } from "#edge/rate-limit/usage.ts";

export interface SettleParts extends ChargeParts {
  readonly fetcher: ReceiptFetcher;
}

/**
 * Settles an admitted request when it has ended, whichever way: complete, refused, failed, or left by its caller in any
 * phase. The work is promised to the platform before anything can go wrong, because a caller's leaving cancels whatever
 * was not. If the platform fails to keep it, the reservation ends at its deadline.
 */
export function settle(parts: SettleParts) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const startedAtMs = parts.fetcher.now();
    const answered = Promise.withResolvers<void>();
    const settled = answered.promise.then(async () => {
      await c.get("ending");
      return c.get("isHandedOver") === true ? nothing : settleOne(endedRequest(c, startedAtMs), parts);
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

/** Of a request that another settles. */
const nothing: Usage = { receipts: [], signed: [], missing: [], totalTokens: 0 };

/** Never rejects. */
async function settleOne(ended: EndedRequest, parts: SettleParts): Promise<Usage> {
  const { usage, settlement } = await measure(ended, parts.fetcher);
  await charge(settlement, parts);
  return usage;
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
