// Receipts that no region was asked for, and that nobody checks.
import type { Receipt } from "@sluice/shared/receipt.ts";
import type { ReceiptAnswer, ReceiptOwner } from "../../../src/proxy/fetch-receipts.ts";
import type { Region } from "#edge/routing/region.ts";

export async function fetchReceipts(
  region: Region,
  owners: readonly ReceiptOwner[],
): Promise<readonly ReceiptAnswer[]> {
  return Promise.all(owners.map(async ({ requestId }) => readReceipt("", requestId, region)));
}

export async function readReceipt(_said: string, requestId: string, region: Region): Promise<ReceiptAnswer> {
  const counts = { promptTokens: 12, cachedTokens: 0, completionTokens: 7 };
  const head = { requestId, region: region.id, model: "mock", finishReason: "stop", endedAtMs: 0 };
  const receipt: Receipt = { ...head, ...counts };
  return { kind: "receipt", receipt, signed: "" };
}
