// Who changed what, and from where. D1 itself refuses to change or remove an entry.
//
// An entry is written in one transaction with the row it tells of, or else before the change, so that nothing changes
// unnoticed: an entry whose change then failed says what was asked for. Only what takes power away (revoking) goes first and is
// noted after, because it must work while D1 is down.
import { sha256Base64Url } from "@sluice/shared/passport.ts";
import * as z from "zod/mini";
import type { Actor } from "#edge/auth/actor.ts";
import { encodeBase32 } from "#edge/base32.ts";
import type { Clock } from "#edge/clock.ts";
import type { Entropy } from "#edge/entropy.ts";
import type { Database, Statement } from "./database.ts";

/** OpenAI's names where it has one. */
export const auditEventTypes = [
  "admin_api_key.created",
  "admin_api_key.deleted",
  "admin_api_key.rotated",
  "admin_api_key.updated",
  "api_key.created",
  "api_key.deleted",
  "api_key.rotated",
  "api_key.updated",
  "ip_allowlist.denied",
  "ip_allowlist.updated",
  "issuer.created",
  "issuer.deleted",
  "project.archived",
  "project.created",
  "project.updated",
  "rate_limit.updated",
  "service_account.created",
  "service_account.deleted",
  "usage.entered",
] as const;

/** Without secrets: what the administration shows of a thing. */
type Snapshot = Readonly<Record<string, unknown>>;

export interface AuditEvent {
  readonly type: (typeof auditEventTypes)[number];
  /** Absent: it concerns the organization. */
  readonly projectId?: string;
  readonly targetId: string;
  readonly before?: Snapshot;
  readonly after?: Snapshot;
}

const rowSchema = z.object({
  id: z.string(),
  effective_at_ms: z.int(),
  event_type: z.enum(auditEventTypes),
  actor_id: z.string(),
  ip: z.nullable(z.string()),
  project_id: z.nullable(z.string()),
  project_name: z.nullable(z.string()),
  target_id: z.string(),
  before: z.nullable(z.string()),
  after: z.nullable(z.string()),
});

export type AuditEntry = z.output<typeof rowSchema>;

/** Absent: any. */
export interface AuditFilter {
  readonly sinceMs: number | undefined;
  /** Exclusive. */
  readonly untilMs: number | undefined;
  readonly types: readonly string[] | undefined;
  readonly actorIds: readonly string[] | undefined;
  readonly projectIds: readonly string[] | undefined;
  readonly targetIds: readonly string[] | undefined;
}

export interface AuditPage {
  readonly limit: number;
  /** Entries older than this one. */
  readonly after: string | undefined;
  /** Entries newer than this one, of which the oldest. */
  readonly before: string | undefined;
}

/** Longer lists are told by their length and hash, so that an entry stays small. */
const maxListed = 100;

export class AuditLog {
  readonly #database: Database;
  readonly #entropy: Entropy;
  readonly #now: Clock;

  constructor(database: Database, entropy: Entropy, now: Clock) {
    this.#database = database;
    this.#entropy = entropy;
    this.#now = now;
  }

  /** The entry, to be written with the row that it tells of. */
  async entry(actor: Actor, { type, projectId, targetId, before, after }: AuditEvent): Promise<Statement> {
    const id = `audit_log-${encodeBase32(this.#entropy(15))}`;
    const snapshots = [await textOf(before), await textOf(after)] as const;
    return {
      sql: `INSERT INTO audit_log (id, effective_at_ms, event_type, actor_id, ip, project_id, target_id, before, after)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
      values: [id, this.#now(), type, actor.id, actor.ip ?? null, projectId ?? null, targetId, ...snapshots],
    };
  }

  async record(actor: Actor, event: AuditEvent): Promise<void> {
    await this.#database.write(await this.entry(actor, event));
  }

  /** Newest first. */
  async list(filter: AuditFilter, { limit, after, before }: AuditPage): Promise<readonly AuditEntry[]> {
    const isBackward = before !== undefined;
    const entries = await this.#database.rows(rowSchema, {
      sql: `SELECT audit_log.*, projects.name AS project_name
            FROM audit_log LEFT JOIN projects ON projects.id = audit_log.project_id
            WHERE (?1 IS NULL OR effective_at_ms >= ?1) AND (?2 IS NULL OR effective_at_ms < ?2)
              AND (?3 IS NULL OR event_type IN (SELECT value FROM json_each(?3)))
              AND (?4 IS NULL OR actor_id IN (SELECT value FROM json_each(?4)))
              AND (?5 IS NULL OR audit_log.project_id IN (SELECT value FROM json_each(?5)))
              AND (?6 IS NULL OR target_id IN (SELECT value FROM json_each(?6)))
              AND (?7 IS NULL OR position < (SELECT position FROM audit_log WHERE id = ?7))
              AND (?8 IS NULL OR position > (SELECT position FROM audit_log WHERE id = ?8))
            ORDER BY position ${isBackward ? "ASC" : "DESC"}
            LIMIT ?9`,
      values: [
        filter.sinceMs ?? null,
        filter.untilMs ?? null,
        jsonOrNull(filter.types),
        jsonOrNull(filter.actorIds),
        jsonOrNull(filter.projectIds),
        jsonOrNull(filter.targetIds),
        after ?? null,
        before ?? null,
        limit,
      ],
    });
    return isBackward ? entries.toReversed() : entries;
  }
}

function jsonOrNull(texts: readonly string[] | undefined): string | null {
  return texts === undefined ? null : JSON.stringify(texts);
}

async function textOf(snapshot: Snapshot | undefined): Promise<string | null> {
  if (snapshot === undefined) return null;
  const fields = Object.entries(snapshot).map(async ([name, value]) => [name, await shorten(value)] as const);
  return JSON.stringify(Object.fromEntries(await Promise.all(fields)));
}

async function shorten(value: unknown): Promise<unknown> {
  if (!Array.isArray(value) || value.length <= maxListed) return value;
  const text = new Uint8Array(new TextEncoder().encode(JSON.stringify(value)));
  return { length: value.length, sha256: await sha256Base64Url(text) };
}
