// What a leased key's terms cannot be: limits that cannot be handed out in slices.
import { AppError } from "@sluice/shared/errors.ts";
import type { KeyTerms } from "#edge/auth/key-record.ts";

/** A limit of one could not be divided among gates without being exceeded by a fraction; see ceiling.ts. */
const least = 2;

/** Throws `invalid_value`, naming the field. */
export function assertDivisible({ limits = {}, modelLimits }: KeyTerms): void {
  if (modelLimits !== undefined) refuse("model_limits", "A leased key cannot have them.");
  const { requestsPerMinute: rpm, tokensPerMinute: tpm, requestsPerDay: rpd } = limits;
  for (const [param, limit] of Object.entries({ rpm, tpm, rpd })) {
    if (limit !== undefined && limit < least) refuse(param, `Of a leased key it is at least ${least}.`);
  }
}

function refuse(param: string, publicText: string): never {
  throw new AppError("invalid_value", { param, publicText });
}
