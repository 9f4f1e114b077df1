// `/v1/organization/projects/:projectId/service_accounts`: names for programs, each made with a key.
// Source: OpenAI API reference, "Project service accounts".
import { AppError } from "@sluice/shared/errors.ts";
import type { Handler } from "hono";
import * as z from "zod/mini";
import { encodeBase32 } from "#edge/base32.ts";
import type { BodyBounds } from "#edge/body/read-bytes.ts";
import { readJson } from "#edge/body/read-json.ts";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { Entropy } from "#edge/entropy.ts";
import type { AuditLog } from "./audit-log.ts";
import type { ServiceAccountName } from "./key-directory.ts";
import type { Keyring } from "./keyring.ts";
import { pageSchema } from "@sluice/shared/openai/page-query.ts";
import { toListPage, toSeconds } from "./page.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { ProjectDirectory } from "./project-directory.ts";
import { readQuery } from "./read-query.ts";
import { insertServiceAccount, type ServiceAccountDirectory } from "./service-account-directory.ts";

const creationSchema = z.strictObject({ name: z.string().check(z.minLength(1), z.maxLength(256)) });

export interface ServiceAccountParts {
  readonly accounts: ServiceAccountDirectory;
  readonly projects: ProjectDirectory;
  readonly keyring: Keyring;
  readonly audit: AuditLog;
  readonly entropy: Entropy;
  readonly now: Clock;
  readonly bounds: BodyBounds;
}

type ListPath = "/:projectId";
type OnePath = "/:projectId/:accountId";

/** `POST`: the only reply that ever holds the value of its key. */
export function createServiceAccount(parts: ServiceAccountParts): Handler<EdgeContext, ListPath> {
  const { keyring, audit, entropy, now, bounds } = parts;
  return async (c) => {
    const projectId = c.req.param("projectId");
    const { name } = parseRequest(creationSchema, (await readJson(c.req.raw, bounds)).value);
    const account = { id: `svc_acct_${encodeBase32(entropy(15))}`, name, createdAtMs: now() };
    const event = { type: "service_account.created", projectId, targetId: account.id, after: { name } } as const;
    const alongside = [insertServiceAccount(projectId, account), await audit.entry(c.get("actor"), event)];
    const order = {
      projectId,
      serviceAccount: account,
      name: "Secret Key",
      expiresAtMs: undefined,
      terms: {},
      alongside,
    };
    const { entry, value } = await keyring.create(order, c.get("actor"));
    const object = "organization.project.service_account.api_key";
    const key = { object, id: entry.id, name: entry.name, created_at: toSeconds(entry.createdAtMs), value };
    return c.json({ ...toWire(account), api_key: key });
  };
}

export function listServiceAccounts({ accounts, projects }: ServiceAccountParts): Handler<EdgeContext, ListPath> {
  return async (c) => {
    const page = parseRequest(pageSchema, readQuery(c.req.url));
    const { id } = await projects.get(c.req.param("projectId"));
    return c.json(toListPage(await accounts.list(id, page), page, toWire));
  };
}

export function retrieveServiceAccount({ accounts }: ServiceAccountParts): Handler<EdgeContext, OnePath> {
  return async (c) => c.json(toWire(await existing(accounts, c.req.param("projectId"), c.req.param("accountId"))));
}

/** `DELETE`: its keys are refused from the next request on. Repeating it goes on where a failure stopped it. */
export function deleteServiceAccount(parts: ServiceAccountParts): Handler<EdgeContext, OnePath> {
  const { accounts, keyring, audit, now } = parts;
  return async (c) => {
    const { projectId, accountId } = c.req.param();
    await existing(accounts, projectId, accountId);
    await keyring.revokeAll(projectId, c.get("actor"), accountId);
    const event = { type: "service_account.deleted", projectId, targetId: accountId } as const;
    await accounts.markDeleted(accountId, now(), await audit.entry(c.get("actor"), event));
    return c.json({ object: "organization.project.service_account.deleted", id: accountId, deleted: true });
  };
}

async function existing(accounts: ServiceAccountDirectory, projectId: string, accountId: string) {
  const account = await accounts.find(projectId, accountId);
  if (account === undefined) {
    throw new AppError("not_found", { publicText: "The project has no such service account." });
  }
  return account;
}

function toWire({ id, name, createdAtMs }: ServiceAccountName) {
  return {
    object: "organization.project.service_account",
    id,
    name,
    role: "member",
    created_at: toSeconds(createdAtMs),
  };
}
