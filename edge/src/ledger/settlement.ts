// What becomes of a request that has ended: its receipts are fetched, its gate is told and the ledger is. The two halves are apart
// because a settlement is plain data: whoever keeps it can charge it later, and again, and it is charged once, since gates and
// the ledger know requests by their ids.
import * as z from "zod/mini";
import type { KeyGates } from "#edge/auth/key-gates.ts";
import { placeSchema, type Place } from "#edge/auth/leased/place.ts";
import type { Principal } from "#edge/auth/principal.ts";
import type { Logger } from "#edge/logger.ts";
import { fetchReceipt, type ReceiptFetcher } from "#edge/proxy/fetch-receipt.ts";
import { sumUsage, type Usage } from "#edge/rate-limit/usage.ts";
import type { Region } from "#edge/routing/region.ts";
import { usageEntrySchema } from "./usage-entry.ts";
import type { UsageOutbox } from "./usage-outbox.ts";

/** An admitted request that has ended, whichever way. */
export interface EndedRequest {
  readonly requestId: string;
  readonly principal: Principal;
  readonly place: Place;
  readonly model: string;
  readonly startedAtMs: number;
  /** Absent: no limit counts tokens. */
  readonly reservedTokens: number | undefined;
  /** Whether the gate waits to hear how the request ended. */
  readonly isLeased: boolean;
  /** The regions that got it, and whether an answer began. */
  readonly asked: readonly { readonly region: Region; readonly answered: boolean }[];
}

export const settlementSchema = z.object({
  requestId: z.string(),
  keyId: z.string(),
  place: placeSchema,
  isLeased: z.boolean(),
  /** Absent: nobody can tell, and it counts as reserved. */
  totalTokens: z.optional(z.int()),
  /** For the ledger. Absent: no region ran it. */
  entry: z.optional(usageEntrySchema),
});

export type Settlement = Readonly<z.infer<typeof settlementSchema>>;

export interface ChargeParts {
  readonly gates: KeyGates;
  readonly outbox: UsageOutbox;
  readonly log: Logger;
}

/** What the request used, as its regions' receipts say. Never rejects. */
export async function measure(
  ended: EndedRequest,
  fetcher: ReceiptFetcher,
): Promise<{ readonly usage: Usage; readonly settlement: Settlement }> {
  const { requestId, principal, place, model, startedAtMs, reservedTokens, isLeased } = ended;
  const { orgId, keyId } = principal;
  const claims = { rid: requestId, org: orgId, key: keyId, priority: 0 };
  const asked = await Promise.all(
    ended.asked.map(async ({ region, answered }) => ({
      regionId: region.id,
      answered,
      receipt: await fetchReceipt(region, claims, fetcher),
    })),
  );
  const usage = sumUsage(asked);
  const { signed: receipts, missing, totalTokens } = usage;
  const reserved = reservedTokens === undefined ? {} : { reservedTokens };
  const entry = { requestId, ...principal, model, startedAtMs, receipts, missing, ...reserved };
  const settlement: Settlement = {
    requestId,
    keyId,
    place,
    isLeased,
    ...(totalTokens !== undefined && { totalTokens }),
    ...(receipts.length + missing.length > 0 && { entry }),
  };
  return { usage, settlement };
}

/** Never rejects. A gate that does not hear of it ends the reservation at its deadline. */
export async function charge(settlement: Settlement, { gates, outbox, log }: ChargeParts): Promise<void> {
  const { requestId, keyId, place, isLeased, totalTokens, entry } = settlement;
  const posted = entry === undefined ? undefined : outbox.post(entry);
  if (totalTokens === undefined) log.error("receipt missing, charged as reserved", { requestId, keyId });
  if (isLeased) {
    try {
      await gates.settle({ keyId, place }, requestId, totalTokens);
    } catch (thrown) {
      const errorDetail = String(thrown);
      log.error("settlement failed, reservation ends at its deadline", { requestId, keyId, errorDetail });
    }
  }
  await posted;
}
