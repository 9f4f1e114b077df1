import { createMiddleware } from "hono/factory";
import type { GateAddress } from "#edge/auth/gate-address.ts";
import type { KeyGates } from "#edge/auth/key-gates.ts";
import { placeOf } from "#edge/auth/leased/place.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { UsageOutbox } from "#edge/ledger/usage-outbox.ts";
import type { Logger } from "#edge/logger.ts";
import { fetchReceipt, type ReceiptFetcher } from "#edge/proxy/fetch-receipt.ts";
import { sumUsage, type Usage } from "#edge/rate-limit/usage.ts";
import type { Context } from "hono";

export interface SettleParts {
  readonly gates: KeyGates;
  readonly fetcher: ReceiptFetcher;
  readonly outbox: UsageOutbox;
  readonly log: Logger;
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
      return c.get("isHandedOver") === true ? nothing : settleOne(c, startedAtMs, parts);
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
async function settleOne(
  c: Context<EdgeContext>,
  startedAtMs: number,
  { gates, fetcher, outbox, log }: SettleParts,
): Promise<Usage> {
  const { principal, reservedTokens } = c.get("admitted");
  const { orgId, keyId } = principal;
  const requestId = c.get("requestId");
  const claims = { rid: requestId, org: orgId, key: keyId, priority: 0 };
  const asked = await Promise.all(
    (c.get("asked") ?? []).map(async ({ region, answered }) => ({
      regionId: region.id,
      answered,
      receipt: await fetchReceipt(region, claims, fetcher),
    })),
  );
  const usage = sumUsage(asked);
  const { signed: receipts, missing } = usage;
  const model = c.get("model") ?? "";
  const reserved = reservedTokens === undefined ? {} : { reservedTokens };
  const posted =
    receipts.length + missing.length > 0 &&
    outbox.post({ requestId, ...principal, model, startedAtMs, receipts, missing, ...reserved });
  if (usage.totalTokens === undefined) log.error("receipt missing, charged as reserved", { requestId, keyId });
  if (c.get("admitted").isLeased) await settleGate(gates, { keyId, place: placeOf(c.req.raw) }, requestId, usage, log);
  await posted;
  return usage;
}

async function settleGate(
  gates: KeyGates,
  address: GateAddress,
  requestId: string,
  { totalTokens }: Usage,
  log: Logger,
): Promise<void> {
  try {
    await gates.settle(address, requestId, totalTokens);
  } catch (thrown) {
    const { keyId } = address;
    log.error("settlement failed, reservation ends at its deadline", { requestId, keyId, errorDetail: String(thrown) });
  }
}
