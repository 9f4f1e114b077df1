// Batches' rows in D1: what is listed, as it was after a batch's last turn. What a batch does is known to its object alone.
import * as z from "zod/mini";
import type { Database } from "#edge/admin/database.ts";
import type { Page } from "@sluice/shared/openai/page-query.ts";
import type { Batch } from "@sluice/shared/openai/batch.ts";

export interface BatchRow {
  readonly orgId: string;
  readonly projectId: string;
  readonly createdAtMs: number;
  readonly isActive: boolean;
  readonly batch: Batch;
}

const idSchema = z.object({ id: z.string() });
const rowSchema = z.object({ id: z.string(), batch: z.string() });

export class BatchDirectory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * False when `maxActive` other batches of the organization are under way; nothing is written then. It may be said again of a
   * batch whose first beginning nobody heard the end of.
   */
  async begin(row: BatchRow, maxActive: number): Promise<boolean> {
    const begun = await this.#database.rows(idSchema, {
      sql: `INSERT INTO batches (id, org_id, project_id, created_at_ms, is_active, batch)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6
            WHERE (SELECT COUNT(*) FROM batches WHERE org_id = ?2 AND is_active = 1 AND id <> ?1) < ?7
            ON CONFLICT (id) DO UPDATE SET created_at_ms = excluded.created_at_ms, batch = excluded.batch
            RETURNING id`,
      values: [...valuesOf(row), maxActive],
    });
    return begun.length > 0;
  }

  async put(row: BatchRow): Promise<void> {
    await this.#database.write({
      sql: `INSERT INTO batches (id, org_id, project_id, created_at_ms, is_active, batch) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (id) DO UPDATE SET is_active = excluded.is_active, batch = excluded.batch`,
      values: valuesOf(row),
    });
  }

  async remove(id: string): Promise<void> {
    await this.#database.write({ sql: "DELETE FROM batches WHERE id = ?1", values: [id] });
  }

  /** Newest first, as JSON; at most one more than the page's limit. */
  async list(projectId: string, { limit, after }: Page): Promise<readonly { id: string; batch: string }[]> {
    return this.#database.rows(rowSchema, {
      sql: `SELECT id, batch FROM batches
            WHERE project_id = ?1
              AND (?2 IS NULL OR (created_at_ms, id) <
                                 (SELECT created_at_ms, id FROM batches WHERE id = ?2 AND project_id = ?1))
            ORDER BY created_at_ms DESC, id DESC
            LIMIT ?3`,
      values: [projectId, after ?? null, limit + 1],
    });
  }
}

function valuesOf({ orgId, projectId, createdAtMs, isActive, batch }: BatchRow): (string | number)[] {
  return [batch.id, orgId, projectId, createdAtMs, isActive ? 1 : 0, JSON.stringify(batch)];
}
