import type { Region } from "#edge/routing/region.ts";
import {
  fetchReceipts,
  readReceipt,
  type ReceiptAnswer,
  type ReceiptFetcher,
  type ReceiptOwner,
} from "./fetch-receipts.ts";

/** A region that got a request. */
export interface AskedRegion {
  readonly region: Region;
  /** Whether an answer of its began. */
  readonly answered: boolean;
  /** What stood in its answer's head in the place of a receipt. Absent: it has to be asked. */
  readonly carriedReceipt?: string | undefined;
}

export interface AskedRequest extends ReceiptOwner {
  /** Each region at most once. */
  readonly asked: readonly AskedRegion[];
}

/**
 * What the regions say of each request, in the order of `asked`: what they said in the heads of their answers, and for the rest
 * one question a region. Never rejects. See fetchReceipts for the bounds.
 */
export async function collectReceipts(
  requests: readonly AskedRequest[],
  waitMs: number,
  fetcher: ReceiptFetcher,
): Promise<readonly (readonly ReceiptAnswer[])[]> {
  const questions = new Map<Region, ReceiptOwner[]>();
  const pending = requests.map((owner) =>
    owner.asked.map(({ region, carriedReceipt }) => {
      if (carriedReceipt !== undefined) {
        return async () => readReceipt(carriedReceipt, owner.requestId, region, fetcher.receiptKey);
      }
      const owners = questions.get(region) ?? [];
      questions.set(region, owners);
      const index = owners.push(owner) - 1;
      return async () => (await replies.get(region))?.[index] ?? { kind: "unknown" as const };
    }),
  );
  const replies = new Map(
    [...questions].map(([region, owners]) => [region, fetchReceipts(region, owners, waitMs, fetcher)]),
  );
  return Promise.all(pending.map(async (ofRequest) => Promise.all(ofRequest.map(async (read) => read()))));
}
