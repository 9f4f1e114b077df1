// `/v1/organization/projects`. Source: OpenAI API reference, "Projects".
import { AppError } from "@sluice/shared/errors.ts";
import type { Handler } from "hono";
import * as z from "zod/mini";
import type { IssuerView } from "#edge/auth/jwt/issuer-view.ts";
import { encodeBase32 } from "#edge/base32.ts";
import type { BodyBounds } from "#edge/body/read-bytes.ts";
import { readJson } from "#edge/body/read-json.ts";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { Entropy } from "#edge/entropy.ts";
import type { AuditLog } from "./audit-log.ts";
import type { Keyring } from "./keyring.ts";
import { organizationId } from "./organization.ts";
import { pageFields } from "@sluice/shared/openai/page-query.ts";
import { toListPage, toSeconds } from "./page.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { Project, ProjectDirectory } from "./project-directory.ts";
import { readQuery } from "./read-query.ts";

const bodySchema = z.strictObject({ name: z.string().check(z.minLength(1), z.maxLength(256)) });

const listSchema = z.strictObject({ ...pageFields, include_archived: z._default(z.stringbool(), false) });

export interface ProjectAdminParts {
  readonly projects: ProjectDirectory;
  readonly keyring: Keyring;
  readonly issuers: IssuerView;
  readonly audit: AuditLog;
  readonly entropy: Entropy;
  readonly now: Clock;
  readonly bounds: BodyBounds;
}

type OnePath = "/:projectId";

export function createProject({ projects, audit, entropy, now, bounds }: ProjectAdminParts): Handler<EdgeContext> {
  return async (c) => {
    const { name } = parseRequest(bodySchema, (await readJson(c.req.raw, bounds)).value);
    const id = `proj_${encodeBase32(entropy(15))}`;
    const project: Project = { id, orgId: organizationId, name, createdAtMs: now(), archivedAtMs: undefined };
    const event = { type: "project.created", projectId: id, targetId: id, after: { name } } as const;
    await projects.add(project, await audit.entry(c.get("actor"), event));
    return c.json(toWire(project));
  };
}

export function listProjects({ projects }: ProjectAdminParts): Handler<EdgeContext> {
  return async (c) => {
    const { include_archived: includeArchived, ...page } = parseRequest(listSchema, readQuery(c.req.url));
    return c.json(toListPage(await projects.list(page, includeArchived), page, toWire));
  };
}

export function retrieveProject({ projects }: ProjectAdminParts): Handler<EdgeContext, OnePath> {
  return async (c) => c.json(toWire(await projects.get(c.req.param("projectId"))));
}

export function modifyProject({ projects, audit, bounds }: ProjectAdminParts): Handler<EdgeContext, OnePath> {
  return async (c) => {
    const projectId = c.req.param("projectId");
    const { name } = parseRequest(bodySchema, (await readJson(c.req.raw, bounds)).value);
    const project = await projects.get(projectId);
    if (project.archivedAtMs !== undefined) throw new AppError("invalid_value", { publicText: "It is archived." });
    const change = { before: { name: project.name }, after: { name } };
    const event = { type: "project.updated", projectId, targetId: projectId, ...change } as const;
    await projects.rename(projectId, name, await audit.entry(c.get("actor"), event));
    return c.json(toWire({ ...project, name }));
  };
}

/**
 * `POST …/archive`: no new key from now on, and all that there are revoked. Repeating it is safe, and goes on where a failure
 * stopped it.
 */
export function archiveProject(parts: ProjectAdminParts): Handler<EdgeContext, OnePath> {
  const { projects, keyring, issuers, audit, now } = parts;
  return async (c) => {
    const projectId = c.req.param("projectId");
    const project = await projects.get(projectId);
    const issuer = (await issuers.all()).find((one) => countsIn(one, projectId));
    if (issuer !== undefined) {
      throw new AppError("invalid_value", {
        publicText: `Tokens of the issuer ${issuer.id} count here. Delete it first.`,
      });
    }
    const archivedAtMs = project.archivedAtMs ?? now();
    if (project.archivedAtMs === undefined) {
      const event = { type: "project.archived", projectId, targetId: projectId } as const;
      await projects.markArchived(projectId, archivedAtMs, await audit.entry(c.get("actor"), event));
    }
    await keyring.revokeAll(projectId, c.get("actor"));
    return c.json(toWire({ ...project, archivedAtMs }));
  };
}

interface TokenDestinations {
  readonly projectId: string;
  readonly project?: { readonly projectIds: Readonly<Record<string, string>> } | undefined;
}

function countsIn(issuer: TokenDestinations, projectId: string): boolean {
  return [issuer.projectId, ...Object.values(issuer.project?.projectIds ?? {})].includes(projectId);
}

function toWire({ id, name, createdAtMs, archivedAtMs }: Project) {
  return {
    object: "organization.project",
    id,
    name,
    created_at: toSeconds(createdAtMs),
    archived_at: archivedAtMs === undefined ? null : toSeconds(archivedAtMs),
    status: archivedAtMs === undefined ? "active" : "archived",
  };
}
