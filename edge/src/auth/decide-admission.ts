import { equalsInConstantTime } from "./constant-time.ts";
import type { AccessQuestion, AccessRefusal, AccessRules } from "./access-rules.ts";
import type { Credential } from "./credential.ts";
import type { KeyRecord } from "./key-record.ts";
import type { Principal } from "./principal.ts";
import type { RoutingTerms } from "./routing-terms.ts";

export interface IdentityQuestion extends AccessQuestion {
  readonly credential: Credential;
  /** Projects and organizations that may not be used from where the question comes. */
  readonly barredFrom: readonly string[];
}

export type RefusalReason = "unknown_key" | "wrong_secret" | "revoked" | "expired" | "token_expired" | AccessRefusal;

/** A key and its permissions. */
export interface KnownKey {
  readonly record: KeyRecord;
  readonly access: AccessRules;
}

export type IdentityDecision =
  | { readonly kind: "known"; readonly record: KeyRecord }
  | { readonly kind: "refused"; readonly reason: RefusalReason };

/**
 * Whether the credential may do this now. The secret is judged first: who does not hold it learns nothing of the key's state.
 */
export function decideAdmission(
  known: KnownKey | undefined,
  question: IdentityQuestion,
  nowMs: number,
): IdentityDecision {
  if (known === undefined) return refuse("unknown_key");
  const { record, access } = known;
  if (!isHolder(record, question.credential, nowMs)) return refuse("wrong_secret");
  if (hasRunOut(question.credential, nowMs)) return refuse("token_expired");
  const ended = endingOf(record, nowMs);
  if (ended !== undefined) return refuse(ended);
  if (question.barredFrom.some((ownerId) => ownerId === record.projectId || ownerId === record.orgId)) {
    return refuse("ip_not_allowed");
  }
  if (!isGranted(question)) return refuse("scope_missing");
  const refusal = access.judge(question);
  return refusal === undefined ? { kind: "known", record } : refuse(refusal);
}

/** Why the key is good for nobody any more; absent while it is. */
export function endingOf({ status, expiresAtMs }: KeyRecord, nowMs: number): "revoked" | "expired" | undefined {
  if (status === "revoked") return "revoked";
  return expiresAtMs !== undefined && expiresAtMs <= nowMs ? "expired" : undefined;
}

/** Tokens were verified on the way here. */
function isHolder({ secretHash, previousSecrets = [] }: KeyRecord, credential: Credential, nowMs: number): boolean {
  if (credential.kind !== "secret") return true;
  const isShown = (hash: string) => equalsInConstantTime(hash, credential.secretHash);
  if (secretHash !== undefined && isShown(secretHash)) return true;
  return previousSecrets.some(({ hash, untilMs }) => untilMs > nowMs && isShown(hash));
}

function hasRunOut(credential: Credential, nowMs: number): boolean {
  return (credential.kind === "ownToken" || credential.kind === "tenant") && credential.untilMs <= nowMs;
}

/** A token may hold fewer scopes than its key. */
function isGranted({ credential, scopes }: IdentityQuestion): boolean {
  return credential.kind === "secret" || scopes.every((scope) => credential.scopes.includes(scope));
}

export function principalOf({ orgId, projectId, keyId }: KeyRecord): Principal {
  return { orgId, projectId, keyId };
}

export function routingOf(record: KeyRecord): RoutingTerms {
  const { jurisdictions, models, deniedModels, explainsRouting = false } = record;
  return { jurisdictions, models: { models, deniedModels }, isExplained: explainsRouting };
}

function refuse(reason: RefusalReason): IdentityDecision {
  return { kind: "refused", reason };
}
