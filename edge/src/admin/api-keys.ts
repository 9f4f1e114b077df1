// `/v1/organization/projects/:projectId/api_keys`, in the shape of OpenAI's admin API.
// Source: OpenAI API reference, "Project API keys".
import type { Handler } from "hono";
import * as z from "zod/mini";
import type { BodyBounds } from "#edge/body/read-bytes.ts";
import { readJson } from "#edge/body/read-json.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { KeyEntry } from "./key-directory.ts";
import { keyTermsFields, toKeyTerms } from "./key-terms.ts";
import type { Keyring } from "./keyring.ts";
import { parseInput } from "./parse-input.ts";

const creationSchema = z.strictObject({
  name: z.string().check(z.minLength(1), z.maxLength(256)),
  expires_in_seconds: z.optional(z.int().check(z.positive())),
  ...keyTermsFields,
});

const changeSchema = z.strictObject(keyTermsFields);

const pageSchema = z.object({
  limit: z._default(z.coerce.number().check(z.int(), z.gte(1), z.lte(100)), 20),
  after: z.optional(z.string()),
});

type KeyPath = "/:projectId";
type OneKeyPath = "/:projectId/:keyId";

/** `POST`: the only reply that ever holds the key's value. */
export function createApiKey(keyring: Keyring, bounds: BodyBounds): Handler<EdgeContext, KeyPath> {
  return async (c) => {
    const { name, expires_in_seconds, ...terms } = parseInput(
      creationSchema,
      (await readJson(c.req.raw, bounds)).value,
    );
    const lifetimeMs = expires_in_seconds === undefined ? undefined : expires_in_seconds * 1000;
    const projectId = c.req.param("projectId");
    const { entry, value } = await keyring.create({ projectId, name, lifetimeMs, terms: toKeyTerms(terms) });
    return c.json({ ...toWire(entry), ...terms, value });
  };
}

/** `POST` to a key: its limits and tiers, from the next request on. */
export function changeApiKey(keyring: Keyring, bounds: BodyBounds): Handler<EdgeContext, OneKeyPath> {
  return async (c) => {
    const keyId = c.req.param("keyId");
    const terms = parseInput(changeSchema, (await readJson(c.req.raw, bounds)).value);
    await keyring.changeTerms(c.req.param("projectId"), keyId, toKeyTerms(terms));
    return c.json({ object: "organization.project.api_key", id: keyId, ...terms });
  };
}

/** `GET`: newest first, paged by `limit` and `after`. */
export function listApiKeys(keyring: Keyring): Handler<EdgeContext, KeyPath> {
  return async (c) => {
    const { limit, after } = parseInput(pageSchema, c.req.query());
    // One more than asked for tells whether there is a next page.
    const entries = await keyring.list(c.req.param("projectId"), { limit: limit + 1, after });
    const data = entries.slice(0, limit).map(toWire);
    return c.json({
      object: "list",
      data,
      first_id: data.at(0)?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
      has_more: entries.length > limit,
    });
  };
}

/** `DELETE`: the key is refused from the next request on. */
export function revokeApiKey(keyring: Keyring): Handler<EdgeContext, OneKeyPath> {
  return async (c) => {
    const keyId = c.req.param("keyId");
    await keyring.revoke(c.req.param("projectId"), keyId);
    return c.json({ object: "organization.project.api_key.deleted", id: keyId, deleted: true });
  };
}

function toWire(entry: KeyEntry) {
  return {
    object: "organization.project.api_key",
    id: entry.id,
    name: entry.name,
    redacted_value: entry.redactedValue,
    status: entry.status,
    created_at: toSeconds(entry.createdAtMs),
    expires_at: entry.expiresAtMs === undefined ? null : toSeconds(entry.expiresAtMs),
  };
}

function toSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1000);
}
