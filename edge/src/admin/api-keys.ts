// `/v1/organization/projects/:projectId/api_keys`, in the shape of OpenAI's admin API.
// Source: OpenAI API reference, "Project API keys". Making and rotating keys, and their terms, are ours.
import type { Handler } from "hono";
import * as z from "zod/mini";
import type { BodyBounds } from "#edge/body/read-bytes.ts";
import { readJson } from "#edge/body/read-json.ts";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";
import { type LifetimePolicy, expiryFields, readExpiry, rotationSchema } from "./key-expiry.ts";
import { keyTermsFields, toKeyTerms, toTermsChange } from "./key-terms.ts";
import { keyToWire, listedKeyToWire } from "./key-wire.ts";
import type { Keyring } from "./keyring.ts";
import { pageSchema } from "@sluice/shared/openai/page-query.ts";
import { toListPage } from "./page.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { ProjectDirectory } from "./project-directory.ts";
import { readQuery } from "./read-query.ts";

const creationSchema = z.strictObject({
  name: z.string().check(z.minLength(1), z.maxLength(256)),
  /** For life; see AdmissionMode. */
  admission: z._default(z.enum(["strict", "leased"]), "strict"),
  ...expiryFields,
  ...keyTermsFields,
});

const changeSchema = z.strictObject({ ...expiryFields, ...keyTermsFields });

export interface KeyAdminParts {
  readonly keyring: Keyring;
  readonly projects: ProjectDirectory;
  readonly lifetimes: LifetimePolicy;
  readonly bounds: BodyBounds;
  readonly now: Clock;
}

type KeyPath = "/:projectId";
type OneKeyPath = "/:projectId/:keyId";

/** `POST`: but for a rotation's, the only reply that ever holds the key's value. */
export function createApiKey({ keyring, lifetimes, bounds, now }: KeyAdminParts): Handler<EdgeContext, KeyPath> {
  return async (c) => {
    const wire = parseRequest(creationSchema, (await readJson(c.req.raw, bounds)).value);
    const expiresAtMs = readExpiry(wire, lifetimes, now());
    const { name, admission: mode } = wire;
    const order = { projectId: c.req.param("projectId"), name, mode, expiresAtMs, terms: toKeyTerms(wire) };
    const created = await keyring.create(order, c.get("actor"));
    return c.json({ ...keyToWire(created, now()), value: created.value });
  };
}

/** `POST` to a key: its terms and expiry, from the next request on. */
export function changeApiKey({ keyring, lifetimes, bounds, now }: KeyAdminParts): Handler<EdgeContext, OneKeyPath> {
  return async (c) => {
    const { projectId, keyId } = c.req.param();
    const wire = parseRequest(changeSchema, (await readJson(c.req.raw, bounds)).value);
    const expiresAtMs = readExpiry(wire, lifetimes, now());
    const changed = await keyring.change(projectId, keyId, toTermsChange(wire), expiresAtMs, c.get("actor"));
    return c.json(keyToWire(changed, now()));
  };
}

/** `POST …/rotate`: another value for the key; what it was works until the overlap ends. */
export function rotateApiKey({ keyring, lifetimes, bounds, now }: KeyAdminParts): Handler<EdgeContext, OneKeyPath> {
  return async (c) => {
    const { projectId, keyId } = c.req.param();
    const wire = parseRequest(rotationSchema, (await readJson(c.req.raw, bounds)).value);
    const expiresAtMs = readExpiry(wire, lifetimes, now());
    const overlapMs = wire.overlap_seconds * 1000;
    const rotated = await keyring.rotate(projectId, keyId, overlapMs, expiresAtMs, c.get("actor"));
    return c.json({ ...keyToWire(rotated, now()), value: rotated.value });
  };
}

/** `GET` of one key, with its terms. */
export function retrieveApiKey({ keyring, now }: KeyAdminParts): Handler<EdgeContext, OneKeyPath> {
  return async (c) => {
    const { projectId, keyId } = c.req.param();
    return c.json(keyToWire(await keyring.retrieve(projectId, keyId), now()));
  };
}

/** `GET`: newest first, paged by `limit` and `after`. */
export function listApiKeys({ keyring, projects, now }: KeyAdminParts): Handler<EdgeContext, KeyPath> {
  return async (c) => {
    const page = parseRequest(pageSchema, readQuery(c.req.url));
    const { id } = await projects.get(c.req.param("projectId"));
    return c.json(toListPage(await keyring.list(id, page), page, (key) => listedKeyToWire(key, now())));
  };
}

/** `DELETE`: the key is refused from the next request on. */
export function revokeApiKey({ keyring }: KeyAdminParts): Handler<EdgeContext, OneKeyPath> {
  return async (c) => {
    const { projectId, keyId } = c.req.param();
    await keyring.revoke(projectId, keyId, c.get("actor"));
    return c.json({ object: "organization.project.api_key.deleted", id: keyId, deleted: true });
  };
}
