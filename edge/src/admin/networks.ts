// `/v1/organization/networks` and `/v1/organization/projects/:projectId/networks`: from where all keys below may be used,
// beside their own lists.
import { AppError } from "@sluice/shared/errors.ts";
import type { Context, Handler } from "hono";
import * as z from "zod/mini";
import type { BodyBounds } from "#edge/body/read-bytes.ts";
import { readJson } from "#edge/body/read-json.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { OwnerNetworks } from "#edge/networks/network-board.ts";
import type { NetworkView } from "#edge/networks/network-view.ts";
import type { AuditLog } from "./audit-log.ts";
import type { KeyDirectory } from "./key-directory.ts";
import { keyTermsFields } from "./key-terms.ts";
import { organizationId } from "./organization.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";

const listsSchema = z.strictObject({ allowlist: keyTermsFields.allowlist, denylist: keyTermsFields.denylist });

export interface NetworkAdminParts {
  readonly networks: NetworkView;
  readonly directory: KeyDirectory;
  readonly audit: AuditLog;
  readonly bounds: BodyBounds;
}

type OneProject = "/:projectId";

export function readOrganizationNetworks({ networks }: NetworkAdminParts): Handler<EdgeContext> {
  return async (c) => c.json(toWire(organizationId, await networks.listsOf(organizationId)));
}

/** `POST`: replaces both lists; one that is missing is lifted. */
export function setOrganizationNetworks(parts: NetworkAdminParts): Handler<EdgeContext> {
  return async (c) => setNetworks(c, organizationId, undefined, parts);
}

export function readProjectNetworks({ networks, directory }: NetworkAdminParts): Handler<EdgeContext, OneProject> {
  return async (c) => {
    const projectId = c.req.param("projectId");
    await directory.organizationOf(projectId);
    return c.json(toWire(projectId, await networks.listsOf(projectId)));
  };
}

/** `POST`: as above, for a project. */
export function setProjectNetworks(parts: NetworkAdminParts): Handler<EdgeContext, OneProject> {
  return async (c) => {
    const projectId = c.req.param("projectId");
    await parts.directory.organizationOf(projectId);
    return setNetworks(c, projectId, projectId, parts);
  };
}

async function setNetworks(
  c: Context<EdgeContext>,
  ownerId: string,
  projectId: string | undefined,
  { networks, audit, bounds }: NetworkAdminParts,
): Promise<Response> {
  const { allowlist, denylist } = parseRequest(listsSchema, (await readJson(c.req.raw, bounds)).value);
  const lists = { ...(allowlist && { allowlist }), ...(denylist && { denylist }) };
  const before = await networks.listsOf(ownerId);
  const event = { type: "ip_allowlist.updated", targetId: ownerId, before, after: lists } as const;
  await audit.record(c.get("actor"), { ...event, ...(projectId !== undefined && { projectId }) });
  if (!(await networks.set(ownerId, lists))) {
    const publicText = "The networks of the organization and its projects would be too many together.";
    throw new AppError("invalid_value", { param: allowlist ? "allowlist" : "denylist", publicText });
  }
  return c.json(toWire(ownerId, lists));
}

function toWire(ownerId: string, { allowlist, denylist }: OwnerNetworks) {
  return { object: "organization.networks", id: ownerId, allowlist: allowlist ?? null, denylist: denylist ?? null };
}
