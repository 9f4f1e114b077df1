// What becomes of a request in the background whose object is lost while it runs: its answer is gone, and what it took is charged all
// the same. Which regions it had reached nobody knows any more, so all are asked that it may have.
import * as z from "zod/mini";
import { placeOf, placeSchema } from "#edge/auth/leased/place.ts";
import { charge, measure } from "#edge/ledger/settlement.ts";
import type { Parts } from "#edge/parts.ts";
import type { BackgroundJob } from "./background-job.ts";

export const lostRunSchema = z.object({
  requestId: z.string(),
  principal: z.object({ orgId: z.string(), projectId: z.string(), keyId: z.string() }),
  place: placeSchema,
  model: z.string(),
  startedAtMs: z.int(),
  reservedTokens: z.optional(z.int()),
  isLeased: z.boolean(),
  /** Of the regions that may have had it. Absent: any. */
  jurisdictions: z.optional(z.readonly(z.array(z.string()))),
});

export type LostRun = Readonly<z.infer<typeof lostRunSchema>>;

/** What to keep of a job until it is settled. */
export function lostRunOf({ requestId, admitted, place, turn }: BackgroundJob, startedAtMs: number): LostRun {
  const { principal, reservedTokens, isLeased, routing } = admitted;
  const { jurisdictions } = routing;
  return {
    requestId,
    principal,
    place: placeOf({ cf: place }),
    model: turn.request.model,
    startedAtMs,
    isLeased,
    // A stored value has no fields without one.
    ...(reservedTokens !== undefined && { reservedTokens }),
    ...(jurisdictions !== undefined && { jurisdictions }),
  };
}

/** Never rejects; doing so twice charges once. */
export async function settleLostRun(
  run: LostRun,
  { config, receipts, gates, usageOutbox: outbox, log }: Parts,
): Promise<void> {
  const { reservedTokens, jurisdictions, ...request } = run;
  const regions = config.regions.filter(({ jurisdiction }) => jurisdictions?.includes(jurisdiction) ?? true);
  const asked = regions.map((region) => ({ region, answered: true }));
  const { settlement } = await measure({ ...request, reservedTokens, asked }, receipts);
  await charge(settlement, { gates, outbox, log });
  const { requestId, principal } = run;
  log.error("response in the background lost", { requestId, ...principal, totalTokens: settlement.totalTokens });
}
