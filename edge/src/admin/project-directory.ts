// Projects in D1.
import { AppError } from "@sluice/shared/errors.ts";
import * as z from "zod/mini";
import type { Database, Statement } from "./database.ts";
import type { Page } from "@sluice/shared/openai/page-query.ts";

export interface Project {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly createdAtMs: number;
  /** Absent: it is active. */
  readonly archivedAtMs: number | undefined;
}

const rowSchema = z.object({
  id: z.string(),
  org_id: z.string(),
  name: z.string(),
  created_at_ms: z.int(),
  archived_at_ms: z.nullable(z.int()),
});

export class ProjectDirectory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Absent when there is no such project; one that is archived is found. */
  async find(projectId: string): Promise<Project | undefined> {
    const statement = { sql: "SELECT * FROM projects WHERE id = ?1", values: [projectId] };
    const [row] = await this.#database.rows(rowSchema, statement);
    return row && fromRow(row);
  }

  /** As `find`. Throws `not_found` when it is absent. */
  async get(projectId: string): Promise<Project> {
    const project = await this.find(projectId);
    if (project === undefined) throw new AppError("not_found", { publicText: "There is no such project." });
    return project;
  }

  /** Newest first; at most one more than the page's limit. */
  async list({ limit, after }: Page, includeArchived: boolean): Promise<readonly Project[]> {
    const rows = await this.#database.rows(rowSchema, {
      sql: `SELECT * FROM projects
            WHERE (?1 OR archived_at_ms IS NULL)
              AND (?2 IS NULL OR (created_at_ms, id) < (SELECT created_at_ms, id FROM projects WHERE id = ?2))
            ORDER BY created_at_ms DESC, id DESC
            LIMIT ?3`,
      values: [includeArchived ? 1 : 0, after ?? null, limit + 1],
    });
    return rows.map(fromRow);
  }

  async add({ id, orgId, name, createdAtMs }: Project, entry: Statement): Promise<void> {
    const sql = "INSERT INTO projects (id, org_id, name, created_at_ms) VALUES (?1, ?2, ?3, ?4)";
    await this.#database.write({ sql, values: [id, orgId, name, createdAtMs] }, entry);
  }

  async rename(projectId: string, name: string, entry: Statement): Promise<void> {
    await this.#database.write(
      { sql: "UPDATE projects SET name = ?2 WHERE id = ?1", values: [projectId, name] },
      entry,
    );
  }

  async markArchived(projectId: string, archivedAtMs: number, entry: Statement): Promise<void> {
    const sql = "UPDATE projects SET archived_at_ms = ?2 WHERE id = ?1 AND archived_at_ms IS NULL";
    await this.#database.write({ sql, values: [projectId, archivedAtMs] }, entry);
  }
}

function fromRow({ id, org_id, name, created_at_ms, archived_at_ms }: z.output<typeof rowSchema>): Project {
  return { id, orgId: org_id, name, createdAtMs: created_at_ms, archivedAtMs: archived_at_ms ?? undefined };
}
