import { equalsInConstantTime } from "./constant-time.ts";
import type { AccessQuestion, AccessRefusal, AccessRules } from "./access-rules.ts";
import type { Credential } from "./credential.ts";
import type { KeyRecord } from "./key-record.ts";
import type { Principal } from "./principal.ts";
import type { RoutingTerms } from "./routing-terms.ts";
import { secretMark } from "./secret-hash.ts";

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
  if (hasRunOut(record, question.credential, nowMs)) return refuse("token_expired");
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
function isHolder(record: KeyRecord, credential: Credential, nowMs: number): boolean {
  if (credential.kind !== "secret") return true;
  return hasSecret(record, nowMs, (hash) => equalsInConstantTime(hash, credential.secretHash));
}

/** A token of ours does not outlive the secret that it was issued for. */
function hasRunOut(record: KeyRecord, credential: Credential, nowMs: number): boolean {
  if (credential.kind !== "ownToken" && credential.kind !== "tenant") return false;
  if (credential.untilMs <= nowMs) return true;
  return (
    credential.kind === "ownToken" && !hasSecret(record, nowMs, (hash) => secretMark(hash) === credential.secretMark)
  );
}

/** Whether one of the secrets that are good now is meant. */
function hasSecret(
  { secretHash, previousSecrets = [] }: KeyRecord,
  nowMs: number,
  isMeant: (hash: string) => boolean,
): boolean {
  if (secretHash !== undefined && isMeant(secretHash)) return true;
  return previousSecrets.some(({ hash, untilMs }) => untilMs > nowMs && isMeant(hash));
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
