// Service accounts in D1. One that is deleted stays as a row, for the keys that it had.
import * as z from "zod/mini";
import type { Database, Statement } from "./database.ts";
import type { ServiceAccountName } from "./key-directory.ts";
import type { Page } from "@sluice/shared/openai/page-query.ts";

const rowSchema = z.object({ id: z.string(), name: z.string(), created_at_ms: z.int() });

/** To be written with its first key. */
export function insertServiceAccount(projectId: string, { id, name, createdAtMs }: ServiceAccountName): Statement {
  const sql = "INSERT INTO service_accounts (id, project_id, name, created_at_ms) VALUES (?1, ?2, ?3, ?4)";
  return { sql, values: [id, projectId, name, createdAtMs] };
}

export class ServiceAccountDirectory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Absent when the project has no such account, or it was deleted. */
  async find(projectId: string, accountId: string): Promise<ServiceAccountName | undefined> {
    const sql = "SELECT * FROM service_accounts WHERE id = ?1 AND project_id = ?2 AND deleted_at_ms IS NULL";
    const [row] = await this.#database.rows(rowSchema, { sql, values: [accountId, projectId] });
    return row && fromRow(row);
  }

  /** Newest first; at most one more than the page's limit. */
  async list(projectId: string, { limit, after }: Page): Promise<readonly ServiceAccountName[]> {
    const rows = await this.#database.rows(rowSchema, {
      sql: `SELECT * FROM service_accounts
            WHERE project_id = ?1 AND deleted_at_ms IS NULL
              AND (?2 IS NULL OR (created_at_ms, id) < (SELECT created_at_ms, id FROM service_accounts WHERE id = ?2))
            ORDER BY created_at_ms DESC, id DESC
            LIMIT ?3`,
      values: [projectId, after ?? null, limit + 1],
    });
    return rows.map(fromRow);
  }

  async markDeleted(accountId: string, deletedAtMs: number, entry: Statement): Promise<void> {
    const sql = "UPDATE service_accounts SET deleted_at_ms = ?2 WHERE id = ?1";
    await this.#database.write({ sql, values: [accountId, deletedAtMs] }, entry);
  }
}

function fromRow({ id, name, created_at_ms }: z.output<typeof rowSchema>): ServiceAccountName {
  return { id, name, createdAtMs: created_at_ms };
}
