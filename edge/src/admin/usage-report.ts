// Sums over the ledger's usage table. Read here, written by the queue's consumer alone.
import * as z from "zod/mini";
import type { Database } from "./database.ts";
import { organizationId } from "./organization.ts";

/** What sums can be kept apart by, and the column of each. */
const columns = { project_id: "project_id", api_key_id: "key_id", model: "model" } as const;

type UsageGroup = keyof typeof columns;

/** Sums of a page: a query that would have more is refused, not cut. */
export const maxSums = 10_000;

export interface UsageQuestion {
  /** Inclusive; a multiple of the width. */
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
  readonly widthMs: number;
  readonly groups: readonly UsageGroup[];
  /** Absent: any. */
  readonly projectIds: readonly string[] | undefined;
  readonly keyIds: readonly string[] | undefined;
  readonly models: readonly string[] | undefined;
}

const rowSchema = z.object({
  /** Counted from the start. */
  bucket: z.int(),
  project_id: z.nullable(z.string()),
  api_key_id: z.nullable(z.string()),
  model: z.nullable(z.string()),
  prompt_tokens: z.int(),
  cached_tokens: z.int(),
  completion_tokens: z.int(),
  num_requests: z.int(),
});

export type UsageSum = z.output<typeof rowSchema>;

export class UsageReport {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** One sum per bucket and group in which there was a request; at most one more than `maxSums`. */
  async sum({ startMs, endMs, widthMs, groups, projectIds, keyIds, models }: UsageQuestion): Promise<UsageSum[]> {
    const pick = (group: UsageGroup) => (groups.includes(group) ? columns[group] : "NULL");
    return this.#database.rows(rowSchema, {
      sql: `SELECT CAST((started_at_ms - ?2) / ?4 AS INTEGER) AS bucket,
              ${pick("project_id")} AS project_id, ${pick("api_key_id")} AS api_key_id, ${pick("model")} AS model,
              SUM(prompt_tokens) AS prompt_tokens, SUM(cached_tokens) AS cached_tokens,
              SUM(completion_tokens) AS completion_tokens, COUNT(*) AS num_requests
            FROM usage
            WHERE org_id = ?1 AND started_at_ms >= ?2 AND started_at_ms < ?3
              AND (?5 IS NULL OR project_id IN (SELECT value FROM json_each(?5)))
              AND (?6 IS NULL OR key_id IN (SELECT value FROM json_each(?6)))
              AND (?7 IS NULL OR model IN (SELECT value FROM json_each(?7)))
            GROUP BY 1, 2, 3, 4
            ORDER BY 1, 2, 3, 4
            LIMIT ?8`,
      values: [
        organizationId,
        startMs,
        endMs,
        widthMs,
        jsonOrNull(projectIds),
        jsonOrNull(keyIds),
        jsonOrNull(models),
        maxSums + 1,
      ],
    });
  }
}

function jsonOrNull(texts: readonly string[] | undefined): string | null {
  return texts === undefined ? null : JSON.stringify(texts);
}
