// How long a key may live, as the admin API words it.
import { AppError } from "@sluice/shared/errors.ts";
import * as z from "zod/mini";

/** How long keys live. */
export interface LifetimePolicy {
  /** Of a key that is made without a word about it. */
  readonly defaultMs: number;
  readonly maxMs: number;
  /** Whether a key may be made that never expires. */
  readonly mayNeverExpire: boolean;
  /** From so long before it expires, replies to a key say when. */
  readonly warningMs: number;
}

/** At most one of the two. */
export const expiryFields = {
  /** Unix seconds; `null`: never, where the policy allows it. */
  expires_at: z.nullish(z.int()),
  expires_in_seconds: z.optional(z.int().check(z.positive())),
};

const dayS = 24 * 3600;

export const rotationSchema = z.strictObject({
  /** How long the secret that the key has is good beside the new one. */
  overlap_seconds: z._default(z.int().check(z.gte(0), z.lte(30 * dayS)), dayS),
  ...expiryFields,
});

type WireExpiry = z.output<z.ZodMiniObject<typeof expiryFields>>;

/** When the key shall expire; `null`: never; absent: nothing was said. Throws `invalid_value` where the policy is against it. */
export function readExpiry(wire: WireExpiry, policy: LifetimePolicy, nowMs: number): number | null | undefined {
  const { expires_at: atS, expires_in_seconds: inS } = wire;
  if (atS !== undefined && inS !== undefined) {
    throw invalid("expires_at", "Give either expires_at or expires_in_seconds.");
  }
  if (atS === null && !policy.mayNeverExpire) throw invalid("expires_at", "A key must expire here.");
  if (atS === null) return null;
  if (atS === undefined && inS === undefined) return undefined;
  const param = atS === undefined ? "expires_in_seconds" : "expires_at";
  const expiresAtMs = atS === undefined ? nowMs + (inS ?? 0) * 1000 : atS * 1000;
  if (expiresAtMs <= nowMs) throw invalid(param, "A key cannot have expired already; delete it instead.");
  if (expiresAtMs > nowMs + policy.maxMs) {
    const maxS = Math.floor(policy.maxMs / 1000);
    throw invalid(param, `A key may live for at most ${maxS} seconds, which is ${Math.floor(maxS / dayS)} days.`);
  }
  return expiresAtMs;
}

function invalid(param: string, publicText: string): AppError {
  return new AppError("invalid_value", { param, publicText });
}
