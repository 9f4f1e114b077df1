// What requests used in a region, by the region's word.
import { type PassportKey, passportHeader, sha256Base64Url, signPassport } from "@sluice/shared/passport.ts";
import {
  noReceipt,
  type Receipt,
  type ReceiptKey,
  receiptReplySchema,
  type ReceiptQuestion,
  receiptsPath,
  unendedReceipt,
  verifyReceipt,
} from "@sluice/shared/receipt.ts";
import type { Clock } from "#edge/clock.ts";
import type { Region } from "#edge/routing/region.ts";

const encoder = new TextEncoder();

export type ReceiptAnswer =
  /** `signed` is the receipt as the region signed it, for the ledger to keep. */
  | { readonly kind: "receipt"; readonly receipt: Receipt; readonly signed: string }
  /** The region never ran the request. */
  | { readonly kind: "none" }
  /** The region is still running it. */
  | { readonly kind: "running" }
  /** The region cannot be asked, or has said what nobody can read. */
  | { readonly kind: "unknown" };

/** Of whose request a receipt is. */
export interface ReceiptOwner {
  readonly requestId: string;
  readonly orgId: string;
  readonly keyId: string;
}

export interface ReceiptFetcher {
  readonly passportKey: PassportKey;
  readonly receiptKey: ReceiptKey;
  readonly timeoutMs: number;
  readonly now: Clock;
}

/**
 * Asks a region for the receipts of requests that ended; at most `maxReceiptsAsked`, and at least one. Never throws. Answers are in
 * the order of the question. The region holds it back for at most `waitMs` while some of them are still ending.
 */
export async function fetchReceipts(
  region: Region,
  owners: readonly ReceiptOwner[],
  waitMs: number,
  fetcher: ReceiptFetcher,
): Promise<readonly ReceiptAnswer[]> {
  try {
    const question: ReceiptQuestion = { requestIds: owners.map(({ requestId }) => requestId), waitMs };
    const response = await ask(region, owners, JSON.stringify(question), fetcher);
    if (response.status !== 200) throw new Error(`the region answered ${response.status}`);
    const { receipts } = receiptReplySchema.parse(await response.json());
    const read = owners.map(async ({ requestId }, index) => {
      return readReceipt(receipts[index] ?? "", requestId, region, fetcher.receiptKey);
    });
    return await Promise.all(read);
  } catch {
    return owners.map(() => ({ kind: "unknown" }));
  }
}

/** What a region said in the place of one receipt. Never throws. */
export async function readReceipt(
  said: string,
  requestId: string,
  region: Region,
  key: ReceiptKey,
): Promise<ReceiptAnswer> {
  if (said === noReceipt) return { kind: "none" };
  if (said === unendedReceipt) return { kind: "running" };
  const receipt = await verifyReceipt(said, key).catch(() => undefined);
  const isOurs = receipt?.requestId === requestId && receipt.region === region.id;
  return receipt !== undefined && isOurs ? { kind: "receipt", receipt, signed: said } : { kind: "unknown" };
}

/** With the passport of one of them, bound to the question. */
async function ask(
  region: Region,
  owners: readonly ReceiptOwner[],
  question: string,
  { passportKey, timeoutMs, now }: ReceiptFetcher,
): Promise<Response> {
  const [owner] = owners;
  if (owner === undefined) throw new Error("a question about no request");
  const body = new Uint8Array(encoder.encode(question));
  const bodySha256 = await sha256Base64Url(body);
  const claims = { rid: owner.requestId, org: owner.orgId, key: owner.keyId, priority: 0, bodySha256 };
  return fetch(`${region.url}${receiptsPath}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      [passportHeader]: await signPassport(claims, region.id, passportKey, now()),
    },
    body,
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
}
