// Changing and rotating keys of the administration. As with a project's keys (keyring.ts), D1 comes first, with the audit log's
// entry, so that nothing changes unnoticed.
import { AppError } from "@sluice/shared/errors.ts";
import type { Handler } from "hono";
import * as z from "zod/mini";
import { kindOfKeyId, mintSecret } from "#edge/auth/api-key.ts";
import type { KeyDescription } from "#edge/auth/key-gate.ts";
import { hashSecret } from "#edge/auth/secret-hash.ts";
import { applyChange } from "#edge/auth/terms-change.ts";
import { readJson } from "#edge/body/read-json.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { AdminKeyEntry } from "./admin-key-directory.ts";
import { type AdminKeyParts, adminKeyFields, adminKeyToWire, noProject, noSuchAdminKey } from "./admin-keys.ts";
import { readExpiry, rotationSchema } from "./key-expiry.ts";
import { changedFields, toTermsChange } from "./key-terms.ts";
import { secondsOrNull } from "./page.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";

const changeSchema = z.strictObject({ ...adminKeyFields, name: z.optional(adminKeyFields.name) });

type OnePath = "/:keyId";

/** `POST` to a key: its name, its expiry, and from where it may be used. What is not given stays as it is. */
export function changeAdminKey(parts: AdminKeyParts): Handler<EdgeContext, OnePath> {
  const { adminKeys, gates, audit, lifetimes, now, bounds } = parts;
  return async (c) => {
    const keyId = c.req.param("keyId");
    const wire = parseRequest(changeSchema, (await readJson(c.req.raw, bounds)).value);
    const given = readExpiry(wire, lifetimes, now());
    const { entry, description } = await existing(parts, keyId);
    const expiresAtMs = given === undefined ? entry.expiresAtMs : (given ?? undefined);
    const changed: AdminKeyEntry = { ...entry, name: wire.name ?? entry.name, expiresAtMs };
    const terms = toTermsChange({ allowlist: wire.allowlist, denylist: wire.denylist });
    const lists = changedFields(description.record, applyChange(description.record, terms));
    const before = { ...namedFields(entry), ...lists.before };
    const after = { ...namedFields(changed), ...lists.after };
    const event = { type: "admin_api_key.updated", targetId: keyId, before, after } as const;
    await adminKeys.change(changed, await audit.entry(c.get("actor"), event));
    if (!(await gates.change(keyId, noProject, { terms, expiresAtMs: given }))) throw noSuchAdminKey();
    return c.json(adminKeyToWire(changed, await describe(parts, keyId)));
  };
}

/** `POST …/rotate`: another value for the key; what it was works until the overlap ends. */
export function rotateAdminKey(parts: AdminKeyParts): Handler<EdgeContext, OnePath> {
  const { adminKeys, gates, audit, tagger, lifetimes, entropy, now, bounds } = parts;
  return async (c) => {
    const keyId = c.req.param("keyId");
    const wire = parseRequest(rotationSchema, (await readJson(c.req.raw, bounds)).value);
    const given = readExpiry(wire, lifetimes, now());
    const { entry } = await existing(parts, keyId);
    const renewedAtMs = entry.expiresAtMs === undefined ? undefined : now() + lifetimes.defaultMs;
    const expiresAtMs = given === undefined ? renewedAtMs : (given ?? undefined);
    const before = { expires_at: secondsOrNull(entry.expiresAtMs) };
    const after = { overlap_seconds: wire.overlap_seconds, expires_at: secondsOrNull(expiresAtMs) };
    const { secret, text } = await mintSecret(keyId, tagger, entropy);
    const event = { type: "admin_api_key.rotated", targetId: keyId, before, after } as const;
    await adminKeys.change({ ...entry, expiresAtMs }, await audit.entry(c.get("actor"), event));
    const overlapUntilMs = now() + wire.overlap_seconds * 1000;
    const rotation = { secretHash: await hashSecret(secret), overlapUntilMs, expiresAtMs };
    if ((await gates.rotate(keyId, noProject, rotation)) !== "rotated") throw noSuchAdminKey();
    return c.json({ ...adminKeyToWire({ ...entry, expiresAtMs }, await describe(parts, keyId)), value: text });
  };
}

/** Of a key that is not deleted. */
async function existing(parts: AdminKeyParts, keyId: string) {
  const entry = kindOfKeyId(keyId) === "admin" ? await parts.adminKeys.find(keyId) : undefined;
  if (entry === undefined) throw noSuchAdminKey();
  const description = await describe(parts, keyId);
  if (description.record.status === "revoked") {
    throw new AppError("invalid_value", { publicText: "The key is deleted. Make a new one." });
  }
  return { entry, description };
}

async function describe({ gates }: AdminKeyParts, keyId: string): Promise<KeyDescription> {
  const description = await gates.describe(keyId, noProject);
  if (description === undefined) throw noSuchAdminKey();
  return description;
}

function namedFields({ name, expiresAtMs }: AdminKeyEntry) {
  return { name, expires_at: secondsOrNull(expiresAtMs) };
}
