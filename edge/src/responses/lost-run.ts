import { placeOf } from "#edge/auth/leased/place.ts";
import type { LostRequest } from "#edge/ledger/lost-request.ts";
import type { BackgroundJob } from "./background-job.ts";

/** What to keep of a job until it is settled, should its object be lost. */
export function lostRunOf({ requestId, admitted, place, turn }: BackgroundJob, startedAtMs: number): LostRequest {
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
