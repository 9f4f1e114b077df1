// What a leased key's terms cannot be: limits that cannot be handed out in slices.
import { AppError } from "@sluice/shared/errors.ts";
import type { KeyTerms } from "#edge/auth/key-record.ts";
import type { Limits } from "#edge/rate-limit/limits.ts";

/** A limit of one could not be divided among gates without being exceeded by a fraction; see ceiling.ts. */
const least = 2;

/** Throws `invalid_value`, naming the field. */
export function assertDivisible({ limits = {}, modelLimits = {} }: KeyTerms): void {
  assertEach(limits, "");
  for (const [model, ofModel] of Object.entries(modelLimits)) assertEach(ofModel, `model_limits.${model}.`);
}

function assertEach({ requestsPerMinute: rpm, tokensPerMinute: tpm, requestsPerDay: rpd }: Limits, path: string): void {
  for (const [name, limit] of Object.entries({ rpm, tpm, rpd })) {
    if (limit === undefined || limit >= least) continue;
    throw new AppError("invalid_value", { param: path + name, publicText: `Of a leased key it is at least ${least}.` });
  }
}
