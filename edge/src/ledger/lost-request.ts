// What becomes of a request whose Worker, or object, died before it could settle it: what it took is charged all the same. Which regions
// it had reached nobody knows any more, so all are asked that it may have.
import * as z from "zod/mini";
import { placeSchema } from "#edge/auth/leased/place.ts";
import type { Parts } from "#edge/parts.ts";
import { chargeAll, measured, patientWaitMs, receiptsOf } from "./settlement.ts";
import { maxBatch } from "./settler.ts";

export const lostRequestSchema = z.object({
  requestId: z.string(),
  principal: z.object({ orgId: z.string(), projectId: z.string(), keyId: z.string() }),
  place: placeSchema,
  model: z.string(),
  startedAtMs: z.int(),
  reservedTokens: z.optional(z.int()),
  /** Whether its gate waits to hear how it ended. */
  isLeased: z.boolean(),
  /** Of the regions that may have had it. Absent: any. */
  jurisdictions: z.optional(z.readonly(z.array(z.string()))),
});

export type LostRequest = Readonly<z.infer<typeof lostRequestSchema>>;

/** Never rejects; doing so twice charges once. */
export async function settleLost(lost: readonly LostRequest[], parts: Parts): Promise<void> {
  for (let from = 0; from < lost.length; from += maxBatch) await settleBatch(lost.slice(from, from + maxBatch), parts);
}

async function settleBatch(
  lost: readonly LostRequest[],
  { config, receipts, gates, usageOutbox: outbox, log }: Parts,
): Promise<void> {
  const ended = lost.map(({ jurisdictions, reservedTokens, ...request }) => {
    const regions = config.regions.filter(({ jurisdiction }) => jurisdictions?.includes(jurisdiction) ?? true);
    return { ...request, reservedTokens, asked: regions.map((region) => ({ region, answered: true })) };
  });
  const answers = await receiptsOf(ended, patientWaitMs, receipts);
  const settlements = ended.map((one, index) => measured(one, answers[index] ?? []).settlement);
  await chargeAll(settlements, { gates, outbox, log });
  for (const { requestId, keyId, totalTokens } of settlements) {
    log.error("request lost by who was to settle it", { requestId, keyId, totalTokens });
  }
}
