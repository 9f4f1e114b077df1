// The directory of keys in D1: for people and the admin API, never for admission.
import { AppError } from "@sluice/shared/errors.ts";
import * as z from "zod/mini";

/** A key as listed. */
export interface KeyEntry {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly redactedValue: string;
  readonly status: "active" | "revoked";
  readonly createdAtMs: number;
  /** Absent: never. */
  readonly expiresAtMs: number | undefined;
}

const rowSchema = z.object({
  id: z.string(),
  project_id: z.string(),
  name: z.string(),
  redacted_value: z.string(),
  status: z.enum(["active", "revoked"]),
  created_at_ms: z.int(),
  expires_at_ms: z.nullable(z.int()),
});

export interface Page {
  /** At most so many entries. */
  readonly limit: number;
  /** Entries after this key; absent: from the newest. */
  readonly after: string | undefined;
}

export class KeyDirectory {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** The organization a project belongs to; absent when there is no such project. */
  async findOrganization(projectId: string): Promise<string | undefined> {
    const row = await this.#db.prepare("SELECT org_id FROM projects WHERE id = ?1").bind(projectId).first<unknown>();
    return row === null ? undefined : z.object({ org_id: z.string() }).parse(row).org_id;
  }

  async add(entry: KeyEntry): Promise<void> {
    await this.#db
      .prepare(
        `INSERT INTO api_keys (id, project_id, name, redacted_value, status, created_at_ms, expires_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
      )
      .bind(
        entry.id,
        entry.projectId,
        entry.name,
        entry.redactedValue,
        entry.status,
        entry.createdAtMs,
        entry.expiresAtMs ?? null,
      )
      .run();
  }

  /** A project's keys, newest first. */
  async list(projectId: string, { limit, after }: Page): Promise<readonly KeyEntry[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT * FROM api_keys
         WHERE project_id = ?1
           AND (?2 IS NULL OR (created_at_ms, id) < (SELECT created_at_ms, id FROM api_keys WHERE id = ?2))
         ORDER BY created_at_ms DESC, id DESC
         LIMIT ?3`,
      )
      .bind(projectId, after ?? null, limit)
      .all<unknown>();
    return results.map(parseRow);
  }

  async markRevoked(keyId: string): Promise<void> {
    await this.#db.prepare("UPDATE api_keys SET status = 'revoked' WHERE id = ?1").bind(keyId).run();
  }
}

function parseRow(row: unknown): KeyEntry {
  const parsed = rowSchema.safeParse(row);
  if (!parsed.success) throw new AppError("internal_error", { detail: "a row of api_keys has an unknown form" });
  const { id, project_id, name, redacted_value, status, created_at_ms, expires_at_ms } = parsed.data;
  return {
    id,
    projectId: project_id,
    name,
    redactedValue: redacted_value,
    status,
    createdAtMs: created_at_ms,
    expiresAtMs: expires_at_ms ?? undefined,
  };
}
