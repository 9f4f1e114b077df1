// `GET /v1/organization/audit_logs`. Source: OpenAI API reference, "Audit logs". `before`, `after` and the actor's address are
// ours.
import type { Handler } from "hono";
import * as z from "zod/mini";
import type { EdgeContext } from "#edge/context.ts";
import { type AuditEntry, type AuditLog, auditEventTypes } from "./audit-log.ts";
import { pageFields } from "@sluice/shared/openai/page-query.ts";
import { toListPage, toSeconds } from "./page.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { readQuery } from "./read-query.ts";

const seconds = z.optional(z.coerce.number().check(z.int(), z.gte(0)));
const ids = z.optional(z.array(z.string()).check(z.maxLength(100)));

const querySchema = z.strictObject({
  ...pageFields,
  before: z.optional(z.string()),
  effective_at: z.optional(z.strictObject({ gt: seconds, gte: seconds, lt: seconds, lte: seconds })),
  event_types: z.optional(z.array(z.enum(auditEventTypes)).check(z.maxLength(100))),
  actor_ids: ids,
  project_ids: ids,
  resource_ids: ids,
});

export function listAuditLogs(audit: AuditLog): Handler<EdgeContext> {
  return async (c) => {
    const { effective_at: { gt, gte, lt, lte } = {}, ...query } = parseRequest(querySchema, readQuery(c.req.url));
    const filter = {
      sinceMs: latest(gte, gt === undefined ? undefined : gt + 1),
      untilMs: earliest(lt, lte === undefined ? undefined : lte + 1),
      types: query.event_types,
      actorIds: query.actor_ids,
      projectIds: query.project_ids,
      targetIds: query.resource_ids,
    };
    const { limit, after, before } = query;
    // One more than asked for tells whether there is a next page.
    const entries = await audit.list(filter, { limit: limit + 1, after, before });
    // Before an entry, it is the newest that is one too many.
    const page =
      before !== undefined && entries.length > limit ? [...entries.slice(1), ...entries.slice(0, 1)] : entries;
    return c.json(toListPage(page, { limit, after }, toWire));
  };
}

/** The instants are seconds; an entry's millisecond belongs to the second it lies in. */
function latest(...instantsS: readonly (number | undefined)[]): number | undefined {
  const given = instantsS.filter((instantS) => instantS !== undefined);
  return given.length === 0 ? undefined : Math.max(...given) * 1000;
}

function earliest(...instantsS: readonly (number | undefined)[]): number | undefined {
  const given = instantsS.filter((instantS) => instantS !== undefined);
  return given.length === 0 ? undefined : Math.min(...given) * 1000;
}

function toWire(entry: AuditEntry) {
  const [before, after] = [parseOrNull(entry.before), parseOrNull(entry.after)];
  const isUpdate = entry.event_type.endsWith(".updated");
  const told = after === null ? {} : { [isUpdate ? "changes_requested" : "data"]: after };
  return {
    id: entry.id,
    type: entry.event_type,
    effective_at: toSeconds(entry.effective_at_ms),
    ...(entry.project_id !== null && { project: { id: entry.project_id, name: entry.project_name ?? "" } }),
    actor: { type: "api_key", api_key: { id: entry.actor_id, type: "user" }, ip_address: entry.ip },
    [entry.event_type]: { id: entry.target_id, ...told },
    before,
    after,
  };
}

function parseOrNull(text: string | null): unknown {
  return text === null ? null : JSON.parse(text);
}
