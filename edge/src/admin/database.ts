// D1, as the administration and files use it: statements are data, rows are parsed, and every failure is the same error.
import { AppError } from "@sluice/shared/errors.ts";
import * as z from "zod/mini";
import { answerWithin } from "#edge/deadline.ts";

const retryAfterMs = 1_000;

export interface Statement {
  readonly sql: string;
  /** For `?1`, `?2`, … */
  readonly values: readonly (string | number | null)[];
}

/** Every method throws `unavailable` when D1 fails or is silent. */
export class Database {
  readonly #db: D1Database;
  readonly #timeoutMs: number;

  constructor(db: D1Database, timeoutMs: number) {
    this.#db = db;
    this.#timeoutMs = timeoutMs;
  }

  /** Throws `internal_error` when a row is not of the schema. */
  async rows<Schema extends z.core.$ZodType>(schema: Schema, statement: Statement): Promise<z.output<Schema>[]> {
    const { results } = await this.#ask(this.#prepare(statement).all<unknown>());
    const parsed = z.safeParse(z.array(schema), results);
    if (!parsed.success) throw new AppError("internal_error", { detail: "a row of the database has an unknown form" });
    return parsed.data;
  }

  /** All of them or none, in this order. */
  async write(...statements: readonly Statement[]): Promise<void> {
    await this.#ask(this.#db.batch(statements.map((statement) => this.#prepare(statement))));
  }

  #prepare({ sql, values }: Statement): D1PreparedStatement {
    return this.#db.prepare(sql).bind(...values);
  }

  async #ask<Value>(answer: Promise<Value>): Promise<Value> {
    return answerWithin(this.#timeoutMs, answer, unanswered);
  }
}

function unanswered(cause?: unknown): AppError {
  const detail = cause === undefined ? "the database did not answer in time" : "the database failed";
  const publicText = "The database cannot be reached at the moment. Inference does not need it.";
  return new AppError("unavailable", { publicText, detail, retryAfterMs, cause });
}
