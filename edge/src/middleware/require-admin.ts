import { AppError } from "@sluice/shared/errors.ts";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { DenialAudit } from "#edge/admin/denial-audit.ts";
import type { LifetimePolicy } from "#edge/admin/key-expiry.ts";
import type { Actor } from "#edge/auth/actor.ts";
import { kindOfKeyId } from "#edge/auth/api-key.ts";
import { bearerToken } from "#edge/auth/bearer.ts";
import { equalsInConstantTime } from "#edge/auth/constant-time.ts";
import type { KeyGates } from "#edge/auth/key-gates.ts";
import type { Principal } from "#edge/auth/principal.ts";
import { hashSecret } from "#edge/auth/secret-hash.ts";
import { type BodyBounds, readBytes } from "#edge/body/read-bytes.ts";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";
import { auditDenial, identityError, tellExpiry } from "./admit.ts";
import { type Authenticators, readCredential } from "./authenticate.ts";

export interface AdminDoor extends Authenticators {
  readonly gates: KeyGates;
  readonly denials: DenialAudit;
  readonly config: { readonly bounds: BodyBounds; readonly keyLifetimes: LifetimePolicy };
  readonly now: Clock;
}

interface AdmittedActor {
  readonly actor: Actor;
  /** Of what was shown. Absent: never. */
  readonly expiresAtMs: number | undefined;
}

const usagePath = "/v1/organization/usage/";

/**
 * Lets administrators pass: the holder of ADMIN_KEY and admin keys; to the keys and service accounts of its own project, any
 * other credential with the scope `admin`; to its own usage, any with `usage.read`. Its gate is asked each time, so that a
 * revoked key is out at once.
 */
export function requireAdmin(adminKey: string, door: AdminDoor) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const token = bearerToken(c.req.header("authorization"));
    if (token === undefined) throw new AppError("missing_api_key");
    // Hashes are compared, so that not even the key's length can be timed.
    const isRoot = equalsInConstantTime(await hashSecret(token), await hashSecret(adminKey));
    const root = { actor: { id: "root", ip: c.req.header("cf-connecting-ip") }, expiresAtMs: undefined };
    const { actor, expiresAtMs } = isRoot ? root : await admitted(c, token, door);
    c.set("actor", actor);
    await next();
    tellExpiry(c, expiresAtMs, { expiryWarningMs: door.config.keyLifetimes.warningMs, now: door.now });
  });
}

/** Who holds the token. Throws when it may not do what the request is about. */
async function admitted(c: Context<EdgeContext>, token: string, door: AdminDoor): Promise<AdmittedActor> {
  const credential = await readCredential(token, door);
  await takeIn(c, door.config.bounds);
  const { keyId } = credential;
  const ip = c.req.header("cf-connecting-ip");
  const isAdminKey = kindOfKeyId(keyId) === "admin";
  const readsOwnUsage = !isAdminKey && c.req.path.startsWith(usagePath);
  const question = {
    requestId: c.get("requestId"),
    credential,
    scopes: [readsOwnUsage ? "usage.read" : "admin"],
    ip,
    origin: c.req.header("origin"),
    model: undefined,
    serviceTier: "default",
    demand: undefined,
  } as const;
  const admission = await door.gates.admit({ keyId }, question, (work) => c.executionCtx.waitUntil(work));
  if (admission.kind === "refused") {
    if (admission.reason === "ip_not_allowed") auditDenial(c, door.denials, keyId);
    throw identityError(admission.reason, keyId);
  }
  const expiresAtMs = admission.kind === "admitted" ? admission.expiresAtMs : undefined;
  if (readsOwnUsage) return { actor: { id: keyId, ip, ownUsageOf: keyId }, expiresAtMs };
  if (!isAdminKey && !isAboutKeysOf(admission.principal, c.req.path)) {
    throw new AppError("permission_denied", { detail: `key ${keyId} administers its project's keys only` });
  }
  return { actor: { id: keyId, ip }, expiresAtMs };
}

/** Has the body here before the gate is asked: one that trickles in must not outlive the right to send it. */
async function takeIn(c: Context<EdgeContext>, bounds: BodyBounds): Promise<void> {
  const { url, method, headers, signal, body } = c.req.raw;
  if (body !== null)
    c.req.raw = new Request(url, { method, headers, signal, body: await readBytes(c.req.raw, bounds) });
}

/** Ids of projects need no escapes, so a path that is about one names it letter by letter. */
function isAboutKeysOf({ projectId }: Principal, path: string): boolean {
  const own = `/v1/organization/projects/${projectId}`;
  return ["api_keys", "service_accounts"].some((part) => `${path}/`.startsWith(`${own}/${part}/`));
}
