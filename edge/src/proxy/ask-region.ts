// One region asked until it answers or not: a second time when the first showed that more tokens must be reserved.
import { AppError } from "@sluice/shared/errors.ts";
import type { Region } from "#edge/routing/region.ts";
import { attempt, type AttemptOptions, type FinalAttempt } from "./attempt.ts";
import type { RegionRequest } from "./region-request.ts";

/** Reserves more tokens for the request. Throws what the caller is to be told when there are none. */
export type RaiseReservation = (neededTokens: number) => Promise<RegionRequest>;

export async function askRegion(
  region: Region,
  request: RegionRequest,
  options: AttemptOptions,
  raise: RaiseReservation,
): Promise<FinalAttempt> {
  const first = await attempt(region, request, options);
  if (first.kind !== "short") return first;
  const second = await attempt(region, await raise(first.neededTokens), options);
  if (second.kind !== "short") return second;
  throw new AppError("internal_error", { detail: `${region.id} wants more tokens than it asked for` });
}
