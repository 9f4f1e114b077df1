import type { UsageRow } from "./usage-row.ts";

/**
 * Idempotent by request id: the same row again changes nothing, and only a row that is pending gives way to another. So
 * messages may come twice, late and in any order.
 */
const upsert = `
  INSERT INTO usage (request_id, org_id, project_id, key_id, model, region, started_at_ms, prompt_tokens, cached_tokens,
    completion_tokens, finish_reason, status, reserved_tokens, receipts)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
  ON CONFLICT (request_id) DO UPDATE SET
    region = excluded.region, prompt_tokens = excluded.prompt_tokens, cached_tokens = excluded.cached_tokens,
    completion_tokens = excluded.completion_tokens, finish_reason = excluded.finish_reason, status = excluded.status,
    receipts = excluded.receipts
  WHERE usage.status = 'pending'`;

/** The usage table of D1. Written by the queue's consumer alone. */
export class UsageLedger {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** All rows or none. */
  async write(rows: readonly UsageRow[]): Promise<void> {
    if (rows.length === 0) return;
    const statement = this.#db.prepare(upsert);
    await this.#db.batch(rows.map((row) => statement.bind(...valuesOf(row))));
  }
}

function valuesOf(row: UsageRow): readonly (string | number | null)[] {
  return [
    row.requestId,
    row.orgId,
    row.projectId,
    row.keyId,
    row.model,
    row.region,
    row.startedAtMs,
    row.promptTokens,
    row.cachedTokens,
    row.completionTokens,
    row.finishReason,
    row.status,
    row.reservedTokens ?? null,
    row.receipts.join("\n"),
  ];
}
