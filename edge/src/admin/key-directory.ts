// The directory of keys in D1: for people and the admin API, never for admission.
import { AppError } from "@sluice/shared/errors.ts";
import * as z from "zod/mini";
import type { Database, Statement } from "./database.ts";
import type { Page } from "@sluice/shared/openai/page-query.ts";

export interface ServiceAccountName {
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
}

/** A key as listed. */
export interface KeyEntry {
  readonly id: string;
  readonly projectId: string;
  /** Whose it is. Absent: a person made it. */
  readonly serviceAccount: ServiceAccountName | undefined;
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
  service_account_id: z.nullable(z.string()),
  account_name: z.nullable(z.string()),
  account_created_at_ms: z.nullable(z.int()),
  name: z.string(),
  redacted_value: z.string(),
  status: z.enum(["active", "revoked"]),
  created_at_ms: z.int(),
  expires_at_ms: z.nullable(z.int()),
});

const selection = `SELECT api_keys.*, account.name AS account_name, account.created_at_ms AS account_created_at_ms
  FROM api_keys LEFT JOIN service_accounts AS account ON account.id = api_keys.service_account_id`;

const idSchema = z.object({ id: z.string() });

export class KeyDirectory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The organization a project belongs to; absent when there is no such project, or none that is active. */
  async findOrganization(projectId: string): Promise<string | undefined> {
    const sql = "SELECT org_id FROM projects WHERE id = ?1 AND archived_at_ms IS NULL";
    const [row] = await this.#database.rows(z.object({ org_id: z.string() }), { sql, values: [projectId] });
    return row?.org_id;
  }

  /** As `findOrganization`. Throws `not_found` when it is absent. */
  async organizationOf(projectId: string): Promise<string> {
    const orgId = await this.findOrganization(projectId);
    if (orgId === undefined) throw new AppError("not_found", { publicText: "There is no such project." });
    return orgId;
  }

  /** The project of a key; absent when the directory has no such key. */
  async findProject(keyId: string): Promise<string | undefined> {
    const statement = { sql: "SELECT project_id FROM api_keys WHERE id = ?1", values: [keyId] };
    const [row] = await this.#database.rows(z.object({ project_id: z.string() }), statement);
    return row?.project_id;
  }

  /** Adds the key together with other rows: all or none. Fails when its project was archived meanwhile. */
  async add(entry: KeyEntry, ...alongside: readonly Statement[]): Promise<void> {
    const insertion = {
      sql: `INSERT INTO api_keys
              (id, project_id, service_account_id, name, redacted_value, status, created_at_ms, expires_at_ms)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
      values: [
        entry.id,
        entry.projectId,
        entry.serviceAccount?.id ?? null,
        entry.name,
        entry.redactedValue,
        entry.status,
        entry.createdAtMs,
        entry.expiresAtMs ?? null,
      ],
    };
    await this.#database.write(...alongside, insertion);
  }

  /** Absent when the project has no such key. */
  async find(projectId: string, keyId: string): Promise<KeyEntry | undefined> {
    const sql = `${selection} WHERE api_keys.id = ?1 AND api_keys.project_id = ?2`;
    const [row] = await this.#database.rows(rowSchema, { sql, values: [keyId, projectId] });
    return row && fromRow(row);
  }

  /** A project's keys, newest first; at most one more than the page's limit. */
  async list(projectId: string, { limit, after }: Page): Promise<readonly KeyEntry[]> {
    const rows = await this.#database.rows(rowSchema, {
      sql: `${selection}
            WHERE api_keys.project_id = ?1
              AND (?2 IS NULL OR (api_keys.created_at_ms, api_keys.id) <
                                 (SELECT created_at_ms, id FROM api_keys WHERE id = ?2))
            ORDER BY api_keys.created_at_ms DESC, api_keys.id DESC
            LIMIT ?3`,
      values: [projectId, after ?? null, limit + 1],
    });
    return rows.map(fromRow);
  }

  /** Ids of at most `limit` keys of the project that are not revoked; of one service account, where given. */
  async listActive(projectId: string, serviceAccountId: string | undefined, limit: number): Promise<readonly string[]> {
    const rows = await this.#database.rows(idSchema, {
      sql: `SELECT id FROM api_keys
            WHERE project_id = ?1 AND status = 'active' AND (?2 IS NULL OR service_account_id = ?2)
            LIMIT ?3`,
      values: [projectId, serviceAccountId ?? null, limit],
    });
    return rows.map(({ id }) => id);
  }

  async markRevoked(keyIds: readonly string[], ...alongside: readonly Statement[]): Promise<void> {
    const sql = "UPDATE api_keys SET status = 'revoked' WHERE id IN (SELECT value FROM json_each(?1))";
    await this.#database.write({ sql, values: [JSON.stringify(keyIds)] }, ...alongside);
  }

  /** Absent: never. Together with other rows. */
  async setExpiry(keyId: string, expiresAtMs: number | undefined, ...alongside: readonly Statement[]): Promise<void> {
    const sql = "UPDATE api_keys SET expires_at_ms = ?2 WHERE id = ?1";
    await this.#database.write({ sql, values: [keyId, expiresAtMs ?? null] }, ...alongside);
  }
}

function fromRow(row: z.output<typeof rowSchema>): KeyEntry {
  const { service_account_id: accountId, account_name: accountName, account_created_at_ms: accountMs } = row;
  return {
    id: row.id,
    projectId: row.project_id,
    serviceAccount:
      accountId === null ? undefined : { id: accountId, name: accountName ?? "", createdAtMs: accountMs ?? 0 },
    name: row.name,
    redactedValue: row.redacted_value,
    status: row.status,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms ?? undefined,
  };
}
