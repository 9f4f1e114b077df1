import { AppError, type ErrorCode } from "@sluice/shared/errors.ts";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { DenialAudit } from "#edge/admin/denial-audit.ts";
import type { Admission, AdmissionQuestion } from "#edge/auth/admission.ts";
import type { RefusalReason } from "#edge/auth/decide-admission.ts";
import type { GateAddress } from "#edge/auth/gate-address.ts";
import type { KeyGates } from "#edge/auth/key-gates.ts";
import { placeOf } from "#edge/auth/leased/place.ts";
import type { Scope } from "#edge/auth/scope.ts";
import type { UncheckedAdmissions } from "#edge/auth/unchecked-admissions.ts";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { Logger } from "#edge/logger.ts";
import { reportHeaders } from "#edge/rate-limit/limit-report.ts";
import { refusalError } from "#edge/rate-limit/refusal-error.ts";

/** What the caller is told. A key that does not exist and one with a wrong secret look the same from outside. */
const codeOfRefusal: Readonly<Record<RefusalReason, ErrorCode>> = {
  unknown_key: "invalid_api_key",
  wrong_secret: "invalid_api_key",
  revoked: "key_revoked",
  expired: "key_expired",
  token_expired: "token_expired",
  ip_not_allowed: "ip_not_authorized",
  origin_not_allowed: "origin_not_authorized",
  scope_missing: "permission_denied",
  model_not_allowed: "model_not_found",
  tier_not_allowed: "permission_denied",
};

interface AdmitParts extends ExpiryWarning {
  readonly gates: KeyGates;
  readonly unchecked: UncheckedAdmissions;
  readonly denials: DenialAudit;
  readonly log: Logger;
}

/**
 * Asks the key's gate whether its holder may do what needs `scope`: the one hop of every request. The caller's address is the
 * one that Cloudflare saw, and no other header is believed. Whatever becomes of it, the reply says what is left.
 */
export function admit(parts: AdmitParts, scope: Scope) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const credential = c.get("credential");
    const { keyId } = credential;
    const model = c.get("model") ?? c.req.param("model");
    const demand = c.get("demand");
    const serviceTier = c.get("serviceTier") ?? "default";
    const question = {
      requestId: c.get("requestId"),
      credential,
      scopes: [scope],
      ip: c.req.header("cf-connecting-ip"),
      origin: c.req.header("origin"),
      model,
      serviceTier,
      demand,
    };
    const address = { keyId, place: placeOf(c.req.raw) };
    const admission = await askGate(parts, address, question, (work) => c.executionCtx.waitUntil(work));
    if (admission.kind === "refused") {
      if (admission.reason === "ip_not_allowed") auditDenial(c, parts.denials, keyId);
      throw identityError(admission.reason, keyId);
    }
    c.set("principal", admission.principal);
    c.set("report", admission.kind === "limited" ? admission.refusal.report : admission.report);
    if (admission.kind === "limited") {
      tellLimits(c, (name, value) => c.header(name, value));
      throw refusalError(admission.refusal);
    }
    c.set("admitted", admission);
    await next();
    // Of an answer that is there, Hono's `c.header` would make a new one for every header.
    const { headers } = c.res;
    tellLimits(c, (name, value) => headers.set(name, value));
    tellExpiry(c, admission.expiresAtMs, parts);
  });
}

async function askGate(
  { gates, unchecked, log }: AdmitParts,
  address: GateAddress,
  question: AdmissionQuestion,
  waitUntil: (work: Promise<void>) => void,
): Promise<Admission> {
  const { keyId } = address;
  try {
    const admission = await gates.admit(address, question, waitUntil);
    unchecked.note(keyId, question, admission);
    return admission;
  } catch (thrown) {
    const admitted = unchecked.admit(keyId, question);
    if (admitted === undefined) throw thrown;
    log.error("gate unreachable, let in unchecked", { requestId: question.requestId, keyId });
    return admitted;
  }
}

/** What the caller is told of a refusal. */
export function identityError(reason: RefusalReason, keyId: string): AppError {
  const param = reason === "model_not_allowed" ? "model" : reason === "tier_not_allowed" ? "service_tier" : undefined;
  return new AppError(codeOfRefusal[reason], { detail: `key ${keyId}: ${reason}`, ...(param && { param }) });
}

/** Notes, behind the request, that the caller's address is none of the key's. */
export function auditDenial(c: Context<EdgeContext>, denials: DenialAudit, keyId: string): void {
  const audited = denials.note(keyId, c.req.header("cf-connecting-ip"));
  if (audited !== undefined) c.executionCtx.waitUntil(audited);
}

export interface ExpiryWarning {
  /** From so long before its credential expires, a reply says when. */
  readonly expiryWarningMs: number;
  readonly now: Clock;
}

/** @param expiresAtMs absent: never, or not known. */
export function tellExpiry(
  c: Context<EdgeContext>,
  expiresAtMs: number | undefined,
  { expiryWarningMs, now }: ExpiryWarning,
): void {
  if (expiresAtMs === undefined || expiresAtMs - now() > expiryWarningMs) return;
  c.res.headers.set("x-sluice-key-expires-at", new Date(expiresAtMs).toISOString());
}

function tellLimits(c: Context<EdgeContext>, set: (name: string, value: string) => void): void {
  for (const [name, value] of reportHeaders(c.get("report"))) set(name, value);
}
