// The consumer of the usage queue, and of its dead letters.
//
//   entry complete -> a row, counted
//   entry with a receipt missing -> a row, pending, and the region is asked again while it may have it -> counted, or lost
//   D1 down -> the batch again; after the queue's retries its dead letters -> the queue again, for as long as queues keep them
import type { ReceiptKey } from "@sluice/shared/receipt.ts";
import type { Logger } from "#edge/logger.ts";
import { fetchReceipts, type ReceiptFetcher } from "#edge/proxy/fetch-receipts.ts";
import type { Region } from "#edge/routing/region.ts";
import { type UsageEntry, usageEntrySchema } from "./usage-entry.ts";
import type { UsageLedger } from "./usage-ledger.ts";
import { toUsageRow, type UsageRow } from "./usage-row.ts";

/** Between two questions for a receipt: 30 s, doubled up to this. */
const maxDelayS = 300;
const firstDelayS = 30;

/** When dead letters come back. */
const replayDelayS = 300;

export interface LedgerParts {
  readonly ledger: UsageLedger;
  readonly regions: readonly Region[];
  readonly receipts: ReceiptFetcher;
  /** From a request's beginning until no region has its receipt any more. */
  readonly giveUpAfterMs: number;
  readonly log: Logger;
}

/** Rejects when the ledger cannot be written: all of the batch then comes again. */
export async function consumeUsage(batch: MessageBatch, parts: LedgerParts): Promise<void> {
  const settled = await Promise.all(batch.messages.map(async (message) => settleMessage(message, parts)));
  const rows = settled.filter((row) => row !== undefined);
  await parts.ledger.write(rows);
}

/** Sends dead letters back to the queue, later. */
export async function replayDeadLetters(batch: MessageBatch, queue: Queue<UsageEntry>, log: Logger): Promise<void> {
  log.error("usage entries died and are replayed", { numEntries: batch.messages.length });
  for (const { id, body } of batch.messages) {
    const entry = usageEntrySchema.safeParse(body);
    if (entry.success) await queue.send(entry.data, { delaySeconds: replayDelayS });
    else log.error("usage entry of an unknown form dropped", { messageId: id, body });
  }
}

async function settleMessage(message: Message, parts: LedgerParts): Promise<UsageRow | undefined> {
  const parsed = usageEntrySchema.safeParse(message.body);
  if (!parsed.success) {
    parts.log.error("usage entry of an unknown form dropped", { messageId: message.id, body: message.body });
    return undefined;
  }
  const entry = await reconcile(parsed.data, parts);
  const key: ReceiptKey = parts.receipts.receiptKey;
  if (entry.missing.length === 0) return toUsageRow(entry, "counted", key);
  // Not by the number of tries: those are also spent while D1 is down.
  if (parts.receipts.now() - entry.startedAtMs >= parts.giveUpAfterMs) {
    parts.log.error("receipt lost, charged as reserved", { requestId: entry.requestId, keyId: entry.keyId });
    return toUsageRow(entry, "lost", key);
  }
  message.retry({ delaySeconds: Math.min(maxDelayS, firstDelayS * 2 ** (message.attempts - 1)) });
  return toUsageRow(entry, "pending", key);
}

/** Asks the regions whose receipts are missing. A region that is not configured any more stays missing. */
async function reconcile(entry: UsageEntry, { regions, receipts }: LedgerParts): Promise<UsageEntry> {
  if (entry.missing.length === 0) return entry;
  const found: string[] = [];
  const missing: string[] = [];
  for (const id of entry.missing) {
    const region = regions.find((one) => one.id === id);
    const [answer] = region === undefined ? [] : await fetchReceipts(region, [entry], 0, receipts);
    if (answer?.kind === "receipt") found.push(answer.signed);
    else missing.push(id);
  }
  return { ...entry, receipts: [...entry.receipts, ...found], missing };
}
