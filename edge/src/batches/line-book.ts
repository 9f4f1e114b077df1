// The lines of one batch in its object's database: where each lies in the input file, and how far it is.
//
//   pending -> running -> answered, not charged -> answered
//      ^          |
//      +----------+   what did not work, or was lost with the object
//
// Invariants:
// 1. A line has at most one answer, and what settles the request of that answer is written with it.
// 2. A line that runs has the id of its request written first, so that a lost request can be found and given back.
import type { BatchRequestCounts } from "@sluice/shared/openai/batch.ts";
import { type Settlement, settlementSchema } from "#edge/ledger/settlement.ts";
import { Shelf } from "#edge/storage/shelf.ts";

/** A line of the input file. */
export interface LinePlace {
  /** From 1 on. */
  readonly number: number;
  readonly customId: string;
  /** Bytes, within the file. */
  readonly offset: number;
  readonly length: number;
}

export interface PendingLine extends LinePlace {
  /** How often it was tried in vain. */
  readonly numTries: number;
}

/** What stands in a result file for a line. */
export interface LineResult {
  readonly number: number;
  readonly customId: string;
  /** Absent: it was not run. */
  readonly text: string | undefined;
}

export interface LineAnswer {
  readonly isGood: boolean;
  /** The line of the result file. */
  readonly text: string;
  /** Absent: it was never admitted, and there is nothing to charge. */
  readonly settlement: Settlement | undefined;
}

/** As the table has them. */
type Row = {
  readonly number: number;
  readonly custom_id: string;
  readonly offset: number;
  readonly length: number;
  readonly state: string;
  readonly num_tries: number;
  readonly request_id: string | null;
  readonly settlement: string | null;
};

const pageLength = 500;

export class LineBook {
  readonly #sql: SqlStorage;
  readonly #texts: Shelf;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#texts = new Shelf(sql);
    sql.exec(`CREATE TABLE IF NOT EXISTS lines (
      number INTEGER PRIMARY KEY,
      custom_id TEXT NOT NULL UNIQUE,
      offset INTEGER NOT NULL,
      length INTEGER NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'completed', 'failed')),
      num_tries INTEGER NOT NULL DEFAULT 0,
      due_ms INTEGER NOT NULL DEFAULT 0,
      request_id TEXT,
      settlement TEXT
    ) STRICT`);
    sql.exec("CREATE INDEX IF NOT EXISTS lines_by_state ON lines (state, due_ms, number)");
    sql.exec("CREATE INDEX IF NOT EXISTS lines_uncharged ON lines (number) WHERE settlement IS NOT NULL");
  }

  /** False when the custom id is another line's; nothing is added then. */
  add({ number, customId, offset, length }: LinePlace): boolean {
    const added = this.#sql.exec(
      `INSERT INTO lines (number, custom_id, offset, length, state) VALUES (?, ?, ?, ?, 'pending')
       ON CONFLICT (custom_id) DO NOTHING RETURNING number`,
      number,
      customId,
      offset,
      length,
    );
    return added.toArray().length > 0;
  }

  /** A line that may run now. */
  next(nowMs: number): PendingLine | undefined {
    const [row] = this.#sql
      .exec<Row>("SELECT * FROM lines WHERE state = 'pending' AND due_ms <= ? ORDER BY due_ms, number LIMIT 1", nowMs)
      .toArray();
    return row && { ...placeOf(row), numTries: row.num_tries };
  }

  /** When the next line may run. Undefined: none is pending. */
  nextDueMs(): number | undefined {
    const query = "SELECT MIN(due_ms) AS due FROM lines WHERE state = 'pending'";
    return this.#sql.exec<{ due: number | null }>(query).one().due ?? undefined;
  }

  begin(number: number, requestId: string): void {
    this.#sql.exec("UPDATE lines SET state = 'running', request_id = ? WHERE number = ?", requestId, number);
  }

  /** It is to run again, not before `dueMs`. */
  release(number: number, { dueMs, isTry }: { readonly dueMs: number; readonly isTry: boolean }): void {
    this.#sql.exec(
      "UPDATE lines SET state = 'pending', request_id = NULL, due_ms = ?, num_tries = num_tries + ? WHERE number = ?",
      dueMs,
      isTry ? 1 : 0,
      number,
    );
  }

  /** Returns how many bytes the answer takes. */
  answer(number: number, { isGood, text, settlement }: LineAnswer): number {
    const sizeBytes = this.#texts.put(shelfName(number), text);
    this.#sql.exec(
      "UPDATE lines SET state = ?, settlement = ? WHERE number = ?",
      isGood ? "completed" : "failed",
      settlement === undefined ? null : JSON.stringify(settlement),
      number,
    );
    return sizeBytes;
  }

  noteCharged(number: number): void {
    this.#sql.exec("UPDATE lines SET settlement = NULL WHERE number = ?", number);
  }

  /** Lines whose answers were written, and of which nobody knows whether they were charged. */
  uncharged(): { readonly number: number; readonly settlement: Settlement }[] {
    const rows = this.#sql.exec<Row>("SELECT * FROM lines WHERE settlement IS NOT NULL").toArray();
    return rows.map(({ number, settlement }) => ({
      number,
      settlement: settlementSchema.parse(JSON.parse(settlement ?? "")),
    }));
  }

  /** Lines that run, or that ran when the object was lost. */
  running(): { readonly number: number; readonly requestId: string }[] {
    const rows = this.#sql.exec<Row>("SELECT * FROM lines WHERE state = 'running'").toArray();
    return rows.map(({ number, request_id }) => ({ number, requestId: request_id ?? "" }));
  }

  counts(): BatchRequestCounts {
    const query = "SELECT state, COUNT(*) AS num FROM lines GROUP BY state";
    const numIn = { completed: 0, failed: 0 };
    let total = 0;
    for (const { state, num } of this.#sql.exec<{ state: string; num: number }>(query)) {
      total += num;
      if (state === "completed" || state === "failed") numIn[state] = num;
    }
    return { total, ...numIn };
  }

  /** Lines that were answered well, or all others, in the file's order. One answer is in memory at a time. */
  *results(kind: "good" | "other"): Generator<LineResult> {
    const operator = kind === "good" ? "=" : "<>";
    for (let last = 0; ;) {
      const query = `SELECT * FROM lines WHERE state ${operator} 'completed' AND number > ? ORDER BY number LIMIT ?`;
      const rows = this.#sql.exec<Row>(query, last, pageLength).toArray();
      for (const row of rows) {
        const { number, customId } = placeOf(row);
        const hasAnswer = row.state === "completed" || row.state === "failed";
        yield { number, customId, text: hasAnswer ? this.#texts.get(shelfName(number)) : undefined };
        last = number;
      }
      if (rows.length < pageLength) return;
    }
  }

  /** Forgets all lines and answers. */
  clear(): void {
    this.#sql.exec("DELETE FROM lines");
    this.#texts.clear();
  }
}

function placeOf({ number, custom_id: customId, offset, length }: Row): LinePlace {
  return { number, customId, offset, length };
}

function shelfName(number: number): string {
  return `line/${number}`;
}
