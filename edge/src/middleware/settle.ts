import { createMiddleware } from "hono/factory";
import type { KeyGates } from "#edge/auth/key-gates.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { Logger } from "#edge/logger.ts";
import { fetchReceipt, type ReceiptFetcher } from "#edge/proxy/fetch-receipt.ts";
import { sumUsage, type Usage } from "#edge/rate-limit/usage.ts";
import type { Context } from "hono";

/**
 * Settles an admitted request when it has ended, whichever way: complete, refused, failed, or left by its caller in any
 * phase. The work is promised to the platform before anything can go wrong, because a caller's leaving cancels whatever
 * was not. If the platform fails to keep it, the reservation ends at its deadline.
 */
export function settle(gates: KeyGates, fetcher: ReceiptFetcher, log: Logger) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const answered = Promise.withResolvers<void>();
    const settled = answered.promise.then(async () => {
      await c.get("ending");
      return settleOne(c, gates, fetcher, log);
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

/** Never rejects. */
async function settleOne(
  c: Context<EdgeContext>,
  gates: KeyGates,
  fetcher: ReceiptFetcher,
  log: Logger,
): Promise<Usage> {
  const { orgId, keyId } = c.get("admitted").principal;
  const requestId = c.get("requestId");
  const claims = { rid: requestId, org: orgId, key: keyId, priority: 0 };
  const asked = await Promise.all(
    (c.get("asked") ?? []).map(async ({ region, answered }) => ({
      answered,
      receipt: await fetchReceipt(region, claims, fetcher),
    })),
  );
  const usage = sumUsage(asked);
  if (usage.totalTokens === undefined) log.error("receipt missing, charged as reserved", { requestId, keyId });
  if (!c.get("admitted").isLeased) return usage;
  try {
    await gates.settle(keyId, requestId, usage.totalTokens);
  } catch (thrown) {
    log.error("settlement failed, reservation ends at its deadline", { requestId, keyId, errorDetail: String(thrown) });
  }
  return usage;
}
