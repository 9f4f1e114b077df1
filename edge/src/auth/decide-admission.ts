import { equalsInConstantTime } from "./constant-time.ts";
import type { KeyRecord } from "./key-record.ts";
import type { Principal } from "./principal.ts";
import { ordinaryTiers, type ServiceTier } from "./service-tier.ts";

export interface IdentityQuestion {
  readonly secretHash: string;
  /** Absent when the request concerns no model in particular. */
  readonly model: string | undefined;
  readonly serviceTier: ServiceTier;
}

export type RefusalReason =
  | "unknown_key"
  | "wrong_secret"
  | "revoked"
  | "expired"
  | "model_not_allowed"
  | "tier_not_allowed";

export type IdentityDecision =
  | { readonly kind: "known"; readonly record: KeyRecord }
  | { readonly kind: "refused"; readonly reason: RefusalReason };

/**
 * Whether the key may do this now. The secret is judged first: who does not hold it learns nothing of the key's state.
 */
export function decideAdmission(
  record: KeyRecord | undefined,
  question: IdentityQuestion,
  nowMs: number,
): IdentityDecision {
  if (record === undefined) return refuse("unknown_key");
  if (!equalsInConstantTime(record.secretHash, question.secretHash)) return refuse("wrong_secret");
  if (record.status === "revoked") return refuse("revoked");
  if (record.expiresAtMs !== undefined && record.expiresAtMs <= nowMs) return refuse("expired");
  if (record.models !== undefined && question.model !== undefined && !record.models.includes(question.model)) {
    return refuse("model_not_allowed");
  }
  if (!(record.serviceTiers ?? ordinaryTiers).includes(question.serviceTier)) return refuse("tier_not_allowed");
  return { kind: "known", record };
}

export function principalOf({ orgId, projectId, keyId }: KeyRecord): Principal {
  return { orgId, projectId, keyId };
}

function refuse(reason: RefusalReason): IdentityDecision {
  return { kind: "refused", reason };
}
