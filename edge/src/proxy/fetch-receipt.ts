// Asks a region what a request used there.
import { type PassportClaims, type PassportKey, passportHeader, signPassport } from "@sluice/shared/passport.ts";
import { type Receipt, type ReceiptKey, receiptPath, verifyReceipt } from "@sluice/shared/receipt.ts";
import type { Clock } from "#edge/clock.ts";
import type { Region } from "#edge/routing/region.ts";

export type ReceiptAnswer =
  /** `signed` is the receipt as the region signed it, for the ledger to keep. */
  | { readonly kind: "receipt"; readonly receipt: Receipt; readonly signed: string }
  /** The region never ran the request. */
  | { readonly kind: "none" }
  /** The region cannot be asked, or does not know yet. */
  | { readonly kind: "unknown" };

export interface ReceiptFetcher {
  readonly passportKey: PassportKey;
  readonly receiptKey: ReceiptKey;
  readonly timeoutMs: number;
  readonly now: Clock;
}

/** Never throws. The region holds the question back while the request is ending, so that once is enough. */
export async function fetchReceipt(
  region: Region,
  { rid, org, key, priority }: PassportClaims,
  { passportKey, receiptKey, timeoutMs, now }: ReceiptFetcher,
): Promise<ReceiptAnswer> {
  try {
    const passport = await signPassport({ rid, org, key, priority }, region.id, passportKey, now());
    const response = await fetch(`${region.url}${receiptPath(rid)}`, {
      headers: { [passportHeader]: passport },
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const signed = await response.text();
    if (response.status === 404) return { kind: "none" };
    const receipt = response.status === 200 ? await verifyReceipt(signed, receiptKey) : undefined;
    const isOurs = receipt?.requestId === rid && receipt.region === region.id;
    return receipt !== undefined && isOurs ? { kind: "receipt", receipt, signed } : { kind: "unknown" };
  } catch {
    return { kind: "unknown" };
  }
}
