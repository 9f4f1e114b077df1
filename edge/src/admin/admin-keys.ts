// `/v1/organization/admin_api_keys`: keys for the administration alone. Each has a gate like any key, whose only scope is
// `admin`, so that revoking it holds from the next request on. Source: OpenAI API reference, "Admin API keys".
import { AppError } from "@sluice/shared/errors.ts";
import type { Handler } from "hono";
import * as z from "zod/mini";
import { kindOfKeyId, mintApiKey, redactApiKey } from "#edge/auth/api-key.ts";
import type { KeyDescription } from "#edge/auth/key-gate.ts";
import type { KeyGates } from "#edge/auth/key-gates.ts";
import type { KeyTagger } from "#edge/auth/key-tag.ts";
import { hashSecret } from "#edge/auth/secret-hash.ts";
import type { BodyBounds } from "#edge/body/read-bytes.ts";
import { readJson } from "#edge/body/read-json.ts";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { Entropy } from "#edge/entropy.ts";
import type { AdminKeyDirectory, AdminKeyEntry } from "./admin-key-directory.ts";
import type { AuditLog } from "./audit-log.ts";
import { type LifetimePolicy, expiryFields, readExpiry } from "./key-expiry.ts";
import { keyTermsFields, toKeyTerms } from "./key-terms.ts";
import { organizationId } from "./organization.ts";
import { pageFields } from "@sluice/shared/openai/page-query.ts";
import { secondsOrNull, toListPage, toSeconds } from "./page.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { readQuery } from "./read-query.ts";

/** An admin key belongs to no project; see KeyRecord. */
export const noProject = "";

export const adminKeyFields = {
  name: z.string().check(z.minLength(1), z.maxLength(256)),
  ...expiryFields,
  allowlist: keyTermsFields.allowlist,
  denylist: keyTermsFields.denylist,
};

const creationSchema = z.strictObject(adminKeyFields);

const listSchema = z.strictObject({ ...pageFields, order: z._default(z.enum(["asc", "desc"]), "asc") });

export interface AdminKeyParts {
  readonly adminKeys: AdminKeyDirectory;
  readonly gates: KeyGates;
  readonly audit: AuditLog;
  readonly tagger: KeyTagger;
  readonly lifetimes: LifetimePolicy;
  readonly entropy: Entropy;
  readonly now: Clock;
  readonly bounds: BodyBounds;
}

type OnePath = "/:keyId";

/** `POST`: the only reply that ever holds the key's value. */
export function createAdminKey(parts: AdminKeyParts): Handler<EdgeContext> {
  const { adminKeys, gates, audit, tagger, lifetimes, entropy, now, bounds } = parts;
  return async (c) => {
    const { name, ...wire } = parseRequest(creationSchema, (await readJson(c.req.raw, bounds)).value);
    const createdAtMs = now();
    const given = readExpiry(wire, lifetimes, createdAtMs);
    const expiresAtMs = (given === undefined ? createdAtMs + lifetimes.defaultMs : given) ?? undefined;
    const { keyId, secret, text } = await mintApiKey(tagger, entropy, "admin");
    const named = { id: keyId, name, redactedValue: redactApiKey(keyId) };
    const entry: AdminKeyEntry = { ...named, status: "active", createdAtMs, expiresAtMs };
    const identity = { keyId, orgId: organizationId, projectId: noProject, status: "active", createdAtMs } as const;
    const terms = toKeyTerms({ ...wire, scopes: ["admin"] });
    const expiry = expiresAtMs !== undefined && { expiresAtMs };
    await gates.provision({ ...terms, ...identity, ...expiry, secretHash: await hashSecret(secret) });
    const after = { name, allowlist: wire.allowlist ?? null, denylist: wire.denylist ?? null };
    const event = { type: "admin_api_key.created", targetId: keyId, after } as const;
    try {
      await adminKeys.add(entry, await audit.entry(c.get("actor"), event));
    } catch (thrown) {
      await gates.discard(keyId);
      throw thrown;
    }
    const description = { record: { ...terms, ...identity, ...expiry }, lastUsedAtMs: undefined };
    return c.json({ ...adminKeyToWire(entry, description), value: text });
  };
}

export function listAdminKeys({ adminKeys, gates }: AdminKeyParts): Handler<EdgeContext> {
  return async (c) => {
    const page = parseRequest(listSchema, readQuery(c.req.url));
    const entries = await adminKeys.list({ ...page, after: page.after });
    const data = await Promise.all(
      entries.map(async (entry) => listedToWire(entry, await gates.lastUsedAtMs(entry.id, noProject))),
    );
    return c.json(toListPage(data, page, (wire) => wire));
  };
}

export function retrieveAdminKey({ adminKeys, gates }: AdminKeyParts): Handler<EdgeContext, OnePath> {
  return async (c) => {
    const keyId = c.req.param("keyId");
    const entry = await adminKeys.find(keyId);
    const description = entry && (await gates.describe(keyId, noProject));
    if (entry === undefined || description === undefined) throw noSuchAdminKey();
    return c.json(adminKeyToWire(entry, description));
  };
}

/** `DELETE`: refused from the next request on, also while D1 is down. */
export function deleteAdminKey({ adminKeys, gates, audit }: AdminKeyParts): Handler<EdgeContext, OnePath> {
  return async (c) => {
    const keyId = c.req.param("keyId");
    const isKnown = kindOfKeyId(keyId) === "admin" && (await gates.revoke(keyId, noProject));
    if (!isKnown) throw noSuchAdminKey();
    const event = { type: "admin_api_key.deleted", targetId: keyId } as const;
    await adminKeys.markRevoked(keyId, await audit.entry(c.get("actor"), event));
    return c.json({ object: "organization.admin_api_key.deleted", id: keyId, deleted: true });
  };
}

export function noSuchAdminKey(): AppError {
  return new AppError("not_found", { publicText: "There is no such admin key." });
}

/** With from where it may be used, as its gate has it. */
export function adminKeyToWire(entry: AdminKeyEntry, { record, lastUsedAtMs }: KeyDescription) {
  const { ipAllowlist: allowlist = null, ipDenylist: denylist = null } = record;
  return { ...listedToWire(entry, lastUsedAtMs), allowlist, denylist };
}

function listedToWire(entry: AdminKeyEntry, lastUsedAtMs: number | undefined) {
  return {
    object: "organization.admin_api_key",
    id: entry.id,
    name: entry.name,
    redacted_value: entry.redactedValue,
    status: entry.status,
    created_at: toSeconds(entry.createdAtMs),
    expires_at: secondsOrNull(entry.expiresAtMs),
    last_used_at: secondsOrNull(lastUsedAtMs),
    owner: { type: "organization", id: organizationId },
  };
}
