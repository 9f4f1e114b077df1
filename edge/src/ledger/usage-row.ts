import { type Receipt, type ReceiptKey, verifyReceipt } from "@sluice/shared/receipt.ts";
import type { UsageEntry } from "./usage-entry.ts";

/** `counted`: by the engines. `pending`: a region's count is still to be had. `lost`: it never will be. */
export type UsageStatus = "counted" | "pending" | "lost";

/** A row of the ledger. */
export interface UsageRow extends Omit<UsageEntry, "missing"> {
  readonly status: UsageStatus;
  readonly region: string;
  readonly promptTokens: number;
  /** Part of `promptTokens`. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly finishReason: string;
}

/** Sums an entry's receipts. Those that are not a region's word on this request are left out. */
export async function toUsageRow(entry: UsageEntry, status: UsageStatus, key: ReceiptKey): Promise<UsageRow> {
  const verified = await Promise.all(entry.receipts.map(async (signed) => verifyReceipt(signed, key)));
  const receipts = verified.filter((receipt): receipt is Receipt => receipt?.requestId === entry.requestId);
  const sum = (pick: (receipt: Receipt) => number) => receipts.reduce((total, receipt) => total + pick(receipt), 0);
  const last = receipts.at(-1);
  const { missing, ...rest } = entry;
  return {
    ...rest,
    status,
    region: last?.region ?? missing.at(-1) ?? "",
    promptTokens: sum(({ promptTokens }) => promptTokens),
    cachedTokens: sum(({ cachedTokens }) => cachedTokens),
    completionTokens: sum(({ completionTokens }) => completionTokens),
    finishReason: last?.finishReason ?? "unknown",
  };
}
