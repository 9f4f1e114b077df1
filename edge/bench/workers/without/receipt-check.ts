// Receipts taken at their word.
import type { Receipt } from "../../../../shared/src/receipt.ts";

export * from "../../../../shared/src/receipt.ts";

// oxlint-disable-next-line import/export -- takes the place of the other
export async function verifyReceipt(signed: string): Promise<Receipt> {
  const [payload = ""] = signed.split(".");
  return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as Receipt;
}
