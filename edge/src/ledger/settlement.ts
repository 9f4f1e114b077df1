// What becomes of a request that has ended: its receipts are collected, its gate is told and the ledger is. The two halves are apart
// because a settlement is plain data: whoever keeps it can charge it later, and again, and it is charged once, since gates and
// the ledger know requests by their ids.
import * as z from "zod/mini";
import type { GateSettlement } from "#edge/auth/gate-address.ts";
import type { KeyGates } from "#edge/auth/key-gates.ts";
import { placeSchema, type Place } from "#edge/auth/leased/place.ts";
import type { Principal } from "#edge/auth/principal.ts";
import type { Logger } from "#edge/logger.ts";
import { type AskedRegion, collectReceipts } from "#edge/proxy/collect-receipts.ts";
import type { ReceiptAnswer, ReceiptFetcher } from "#edge/proxy/fetch-receipts.ts";
import { sumUsage, type Usage } from "#edge/rate-limit/usage.ts";
import { usageEntrySchema } from "./usage-entry.ts";
import type { UsageOutbox } from "./usage-outbox.ts";

/** How long a region may take to end a request that has ended here; it ends one within a step of its engine. */
export const patientWaitMs = 5_000;

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
  /** The regions that got it. */
  readonly asked: readonly AskedRegion[];
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

export interface Measured {
  readonly usage: Usage;
  readonly settlement: Settlement;
}

/** What the request used, as its regions' receipts say. Never rejects. */
export async function measure(ended: EndedRequest, fetcher: ReceiptFetcher): Promise<Measured> {
  const [answers = []] = await receiptsOf([ended], patientWaitMs, fetcher);
  return measured(ended, answers);
}

/** See collectReceipts. */
export async function receiptsOf(
  ended: readonly EndedRequest[],
  waitMs: number,
  fetcher: ReceiptFetcher,
): Promise<readonly (readonly ReceiptAnswer[])[]> {
  const requests = ended.map(({ requestId, principal: { orgId, keyId }, asked }) => ({
    requestId,
    orgId,
    keyId,
    asked,
  }));
  return collectReceipts(requests, waitMs, fetcher);
}

/** `answers` are its regions', in the order in which they were asked. */
export function measured(ended: EndedRequest, answers: readonly ReceiptAnswer[]): Measured {
  const { requestId, principal, place, model, startedAtMs, reservedTokens, isLeased, asked } = ended;
  const usage = sumUsage(asked, answers);
  const { signed: receipts, missing, totalTokens } = usage;
  const reserved = reservedTokens === undefined ? {} : { reservedTokens };
  const entry = { requestId, ...principal, model, startedAtMs, receipts, missing, ...reserved };
  const settlement: Settlement = {
    requestId,
    keyId: principal.keyId,
    place,
    isLeased,
    ...(totalTokens !== undefined && { totalTokens }),
    ...(receipts.length + missing.length > 0 && { entry }),
  };
  return { usage, settlement };
}

/** Never rejects. A gate that does not hear of it ends the reservation at its deadline. */
export async function charge(settlement: Settlement, parts: ChargeParts): Promise<void> {
  return chargeAll([settlement], parts);
}

/** In one call a gate, and one to the queue. Never rejects; see `charge`. */
export async function chargeAll(settlements: readonly Settlement[], parts: ChargeParts): Promise<void> {
  const { outbox, log } = parts;
  const posted = outbox.post(settlements.flatMap(({ entry }) => entry ?? []));
  for (const { requestId, keyId, totalTokens } of settlements) {
    if (totalTokens === undefined) log.error("receipt missing, charged as reserved", { requestId, keyId });
  }
  const leased = settlements.filter(({ isLeased }) => isLeased);
  const byGate = Map.groupBy(leased, ({ keyId, place }) => `${keyId}@${place}`);
  await Promise.all(byGate.values().map(async (ofGate) => settleGate(ofGate, parts)));
  await posted;
}

/** All of them are of one gate. */
async function settleGate(settlements: readonly Settlement[], { gates, log }: ChargeParts): Promise<void> {
  const [{ keyId, place } = {}] = settlements;
  if (keyId === undefined) return;
  const ended: GateSettlement[] = settlements.map(({ requestId, totalTokens: usedTokens }) => ({
    requestId,
    usedTokens,
  }));
  try {
    await gates.settle({ keyId, ...(place !== undefined && { place }) }, ended);
  } catch (thrown) {
    const errorDetail = String(thrown);
    for (const { requestId } of ended) {
      log.error("settlement failed, reservation ends at its deadline", { requestId, keyId, errorDetail });
    }
  }
}
