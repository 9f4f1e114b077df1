// Files' rows in D1. What is being uploaded or deleted is seen by nobody but the sweep.
import * as z from "zod/mini";
import type { FilePurpose } from "@sluice/shared/openai/file.ts";
import type { Database } from "#edge/admin/database.ts";
import type { FileOwner, FileRecord } from "./file-record.ts";

const rowSchema = z.object({
  id: z.string(),
  org_id: z.string(),
  project_id: z.string(),
  purpose: z.enum(["batch", "batch_output"]),
  filename: z.string(),
  size_bytes: z.int(),
  created_at_ms: z.int(),
  expires_at_ms: z.int(),
});

const sweptSchema = z.object({ id: z.string(), project_id: z.string(), upload_id: z.nullable(z.string()) });

/** What is left of a file to be removed. */
export interface Remains {
  readonly id: string;
  readonly projectId: string;
  /** Absent: it was not being uploaded in parts. */
  readonly uploadId: string | undefined;
}

export interface FilePage {
  readonly limit: number;
  readonly order: "asc" | "desc";
  readonly after?: string | undefined;
  readonly purpose?: string | undefined;
}

export class FileDirectory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Sets `file.sizeBytes` aside, until `file.expiresAtMs`. False when the organization's files would take more than
   * `maxStorageBytes` together; nothing is set aside then.
   */
  async begin(file: FileRecord, maxStorageBytes: number): Promise<boolean> {
    const { id, orgId, projectId, purpose, filename, sizeBytes, createdAtMs, expiresAtMs } = file;
    const begun = await this.#database.rows(z.object({ id: z.string() }), {
      sql: `INSERT INTO files (id, org_id, project_id, purpose, filename, size_bytes, state, created_at_ms, expires_at_ms)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6, 'uploading', ?7, ?8
            WHERE COALESCE((SELECT size_bytes FROM file_storage WHERE org_id = ?2), 0) + ?6 <= ?9
            RETURNING id`,
      values: [id, orgId, projectId, purpose, filename, sizeBytes, createdAtMs, expiresAtMs, maxStorageBytes],
    });
    return begun.length > 0;
  }

  async noteUpload(id: string, uploadId: string): Promise<void> {
    await this.#database.write({ sql: "UPDATE files SET upload_id = ?2 WHERE id = ?1", values: [id, uploadId] });
  }

  /** From now on the file is seen, as `file` has it. False when its upload was given up meanwhile. */
  async commit({ id, filename, sizeBytes, expiresAtMs }: FileRecord): Promise<boolean> {
    const committed = await this.#database.rows(z.object({ id: z.string() }), {
      sql: `UPDATE files SET state = 'ready', upload_id = NULL, filename = ?2, size_bytes = ?3, expires_at_ms = ?4
            WHERE id = ?1 AND state = 'uploading' RETURNING id`,
      values: [id, filename, sizeBytes, expiresAtMs],
    });
    return committed.length > 0;
  }

  /** Absent when the project has no such file. */
  async find(projectId: string, id: string, nowMs: number): Promise<FileRecord | undefined> {
    const [row] = await this.#database.rows(rowSchema, {
      sql: "SELECT * FROM files WHERE id = ?1 AND project_id = ?2 AND state = 'ready' AND expires_at_ms > ?3",
      values: [id, projectId, nowMs],
    });
    return row && fromRow(row);
  }

  /** At most one more than the page's limit. */
  async list({ projectId }: FileOwner, page: FilePage, nowMs: number): Promise<readonly FileRecord[]> {
    const { limit, order, after, purpose } = page;
    const [beyond, direction] = order === "asc" ? [">", "ASC"] : ["<", "DESC"];
    const rows = await this.#database.rows(rowSchema, {
      sql: `SELECT * FROM files
            WHERE project_id = ?1 AND state = 'ready' AND expires_at_ms > ?2
              AND (?3 IS NULL OR purpose = ?3)
              AND (?4 IS NULL OR (created_at_ms, id) ${beyond}
                                 (SELECT created_at_ms, id FROM files WHERE id = ?4 AND project_id = ?1))
            ORDER BY created_at_ms ${direction}, id ${direction}
            LIMIT ?5`,
      values: [projectId, nowMs, purpose ?? null, after ?? null, limit + 1],
    });
    return rows.map(fromRow);
  }

  /** Hides the file, and has the sweep take what is left. False when the project has no such file. */
  async markDeleting(projectId: string, id: string, nowMs: number): Promise<boolean> {
    const marked = await this.#database.rows(z.object({ id: z.string() }), {
      sql: `UPDATE files SET state = 'deleting', expires_at_ms = 0
            WHERE id = ?1 AND project_id = ?2 AND state = 'ready' AND expires_at_ms > ?3 RETURNING id`,
      values: [id, projectId, nowMs],
    });
    return marked.length > 0;
  }

  /** What is to be removed by now, longest due first. */
  async due(nowMs: number, limit: number): Promise<readonly Remains[]> {
    const rows = await this.#database.rows(sweptSchema, {
      sql: "SELECT id, project_id, upload_id FROM files WHERE expires_at_ms <= ?1 ORDER BY expires_at_ms LIMIT ?2",
      values: [nowMs, limit],
    });
    return rows.map(({ id, project_id, upload_id }) => ({
      id,
      projectId: project_id,
      uploadId: upload_id ?? undefined,
    }));
  }

  /** When the next file is due. Absent: there are none. */
  async nextDueMs(): Promise<number | undefined> {
    const schema = z.object({ next: z.nullable(z.int()) });
    const [row] = await this.#database.rows(schema, {
      sql: "SELECT MIN(expires_at_ms) AS next FROM files",
      values: [],
    });
    return row?.next ?? undefined;
  }

  /** The object must be gone. */
  async forget(id: string): Promise<void> {
    await this.#database.write({ sql: "DELETE FROM files WHERE id = ?1", values: [id] });
  }
}

function fromRow(row: z.output<typeof rowSchema>): FileRecord {
  const purpose: FilePurpose = row.purpose;
  return {
    id: row.id,
    orgId: row.org_id,
    projectId: row.project_id,
    purpose,
    filename: row.filename,
    sizeBytes: row.size_bytes,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
  };
}
