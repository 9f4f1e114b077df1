// Admin keys in D1: as listed. Their gates decide.
import * as z from "zod/mini";
import type { Database, Statement } from "./database.ts";
import { organizationId } from "./organization.ts";

export interface AdminKeyEntry {
  readonly id: string;
  readonly name: string;
  readonly redactedValue: string;
  readonly status: "active" | "revoked";
  readonly createdAtMs: number;
  /** Absent: never. */
  readonly expiresAtMs: number | undefined;
}

export interface AdminKeyPage {
  readonly limit: number;
  readonly after: string | undefined;
  readonly order: "asc" | "desc";
}

const rowSchema = z.object({
  id: z.string(),
  name: z.string(),
  redacted_value: z.string(),
  status: z.enum(["active", "revoked"]),
  created_at_ms: z.int(),
  expires_at_ms: z.nullable(z.int()),
});

export class AdminKeyDirectory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async add(
    { id, name, redactedValue, status, createdAtMs, expiresAtMs }: AdminKeyEntry,
    entry: Statement,
  ): Promise<void> {
    const sql = `INSERT INTO admin_api_keys (id, org_id, name, redacted_value, status, created_at_ms, expires_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`;
    const values = [id, organizationId, name, redactedValue, status, createdAtMs, expiresAtMs ?? null];
    await this.#database.write({ sql, values }, entry);
  }

  /** Absent when there is none of that id; one that is revoked is found. */
  async find(keyId: string): Promise<AdminKeyEntry | undefined> {
    const statement = { sql: "SELECT * FROM admin_api_keys WHERE id = ?1", values: [keyId] };
    const [row] = await this.#database.rows(rowSchema, statement);
    return row && fromRow(row);
  }

  /** Those that are not revoked, by age; at most one more than the page's limit. */
  async list({ limit, after, order }: AdminKeyPage): Promise<readonly AdminKeyEntry[]> {
    const [direction, beyond] = order === "asc" ? (["ASC", ">"] as const) : (["DESC", "<"] as const);
    const rows = await this.#database.rows(rowSchema, {
      sql: `SELECT * FROM admin_api_keys
            WHERE status = 'active'
              AND (?1 IS NULL OR (created_at_ms, id) ${beyond} (SELECT created_at_ms, id FROM admin_api_keys WHERE id = ?1))
            ORDER BY created_at_ms ${direction}, id ${direction}
            LIMIT ?2`,
      values: [after ?? null, limit + 1],
    });
    return rows.map(fromRow);
  }

  /** Writes its name and expiry. */
  async change({ id, name, expiresAtMs }: AdminKeyEntry, entry: Statement): Promise<void> {
    const sql = "UPDATE admin_api_keys SET name = ?2, expires_at_ms = ?3 WHERE id = ?1";
    await this.#database.write({ sql, values: [id, name, expiresAtMs ?? null] }, entry);
  }

  async markRevoked(keyId: string, entry: Statement): Promise<void> {
    const sql = "UPDATE admin_api_keys SET status = 'revoked' WHERE id = ?1";
    await this.#database.write({ sql, values: [keyId] }, entry);
  }
}

function fromRow(row: z.output<typeof rowSchema>): AdminKeyEntry {
  return {
    id: row.id,
    name: row.name,
    redactedValue: row.redacted_value,
    status: row.status,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms ?? undefined,
  };
}
