// Holds a request to what the edge reserved for it. The edge estimated; here the tokens are counted.
import { AppError } from "@sluice/shared/errors.ts";
import { neededTokensHeader } from "@sluice/shared/reservation.ts";
import type { Exchange } from "#ingress/exchange.ts";

/** Fewest tokens of output worth asking for, of a request that does not say how many it wants. */
const fewestOpenEnded = 64;

interface Demand {
  readonly promptTokenIds: readonly number[];
  /** For each choice. */
  readonly maxTokens: number;
}

/** The output of a request that does not say how much it wants: what was reserved, or the least that is worth asking for. */
export function reservedOutput(
  { promptTokenIds, maxTokens }: Demand,
  numChoices: number,
  { claims }: Exchange,
): number {
  if (claims.reservedTokens === undefined) return maxTokens;
  const reserved = Math.floor((claims.reservedTokens - promptTokenIds.length) / numChoices);
  return Math.min(maxTokens, Math.max(reserved, fewestOpenEnded));
}

/** Throws `reservation_too_small`, and tells the edge what is needed, when more could be used than was reserved. */
export function assertReserved(demands: readonly Demand[], numChoices: number, { claims, response }: Exchange): void {
  const needed = demands.reduce((sum, { promptTokenIds, maxTokens }) => {
    return sum + promptTokenIds.length + maxTokens * numChoices;
  }, 0);
  if (claims.reservedTokens === undefined || needed <= claims.reservedTokens) return;
  response.setHeader(neededTokensHeader, String(needed));
  throw new AppError("reservation_too_small");
}
