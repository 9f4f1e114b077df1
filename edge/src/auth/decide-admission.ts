import { equalsInConstantTime } from "./constant-time.ts";
import type { KeyRecord } from "./key-record.ts";
import type { Principal } from "./principal.ts";

export interface AdmissionQuestion {
  readonly secretHash: string;
  /** Absent when the request concerns no model in particular. */
  readonly model: string | undefined;
  readonly nowMs: number;
}

export type RefusalReason = "unknown_key" | "wrong_secret" | "revoked" | "expired" | "model_not_allowed";

export type Admission =
  | { readonly admitted: true; readonly principal: Principal }
  | { readonly admitted: false; readonly reason: RefusalReason };

/**
 * Whether the key may do this now. The secret is judged first: who does not hold it learns nothing of the key's state.
 */
export function decideAdmission(record: KeyRecord | undefined, question: AdmissionQuestion): Admission {
  if (record === undefined) return refuse("unknown_key");
  if (!equalsInConstantTime(record.secretHash, question.secretHash)) return refuse("wrong_secret");
  if (record.status === "revoked") return refuse("revoked");
  if (record.expiresAtMs !== undefined && record.expiresAtMs <= question.nowMs) return refuse("expired");
  if (record.models !== undefined && question.model !== undefined && !record.models.includes(question.model)) {
    return refuse("model_not_allowed");
  }
  const { orgId, projectId, keyId } = record;
  return { admitted: true, principal: { orgId, projectId, keyId } };
}

function refuse(reason: RefusalReason): Admission {
  return { admitted: false, reason };
}
