import { equalsInConstantTime } from "./constant-time.ts";
import type { AccessQuestion, AccessRefusal, AccessRules } from "./access-rules.ts";
import type { KeyRecord } from "./key-record.ts";
import type { Principal } from "./principal.ts";

export interface IdentityQuestion extends AccessQuestion {
  readonly secretHash: string;
}

export type RefusalReason = "unknown_key" | "wrong_secret" | "revoked" | "expired" | AccessRefusal;

/** A key and its permissions. */
export interface KnownKey {
  readonly record: KeyRecord;
  readonly access: AccessRules;
}

export type IdentityDecision =
  | { readonly kind: "known"; readonly record: KeyRecord }
  | { readonly kind: "refused"; readonly reason: RefusalReason };

/**
 * Whether the key may do this now. The secret is judged first: who does not hold it learns nothing of the key's state.
 */
export function decideAdmission(
  known: KnownKey | undefined,
  question: IdentityQuestion,
  nowMs: number,
): IdentityDecision {
  if (known === undefined) return refuse("unknown_key");
  const { record, access } = known;
  if (!equalsInConstantTime(record.secretHash, question.secretHash)) return refuse("wrong_secret");
  if (record.status === "revoked") return refuse("revoked");
  if (record.expiresAtMs !== undefined && record.expiresAtMs <= nowMs) return refuse("expired");
  const refusal = access.judge(question);
  return refusal === undefined ? { kind: "known", record } : refuse(refusal);
}

export function principalOf({ orgId, projectId, keyId }: KeyRecord): Principal {
  return { orgId, projectId, keyId };
}

function refuse(reason: RefusalReason): IdentityDecision {
  return { kind: "refused", reason };
}
