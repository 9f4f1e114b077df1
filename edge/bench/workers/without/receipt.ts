// Receipts that no region was asked for.
import type { PassportClaims } from "@sluice/shared/passport.ts";
import type { ReceiptAnswer } from "../../../src/proxy/fetch-receipt.ts";
import type { Region } from "#edge/routing/region.ts";

export async function fetchReceipt(region: Region, { rid: requestId }: PassportClaims): Promise<ReceiptAnswer> {
  const counts = { promptTokens: 12, cachedTokens: 0, completionTokens: 7 };
  const head = { requestId, region: region.id, model: "mock", finishReason: "stop", endedAtMs: 0 };
  return { kind: "receipt", receipt: { ...head, ...counts }, signed: "" };
}
