// Long texts in a Durable Object's database: a row holds at most 2 MB, so a text takes as many as it needs.
import { joinChunks } from "#edge/body/join-chunks.ts";

const maxRowBytes = 1024 * 1024;

export class TextShelf {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Replaces what stood under the name. */
  put(name: string, text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.#sql.exec("CREATE TABLE IF NOT EXISTS texts (name TEXT, part INTEGER, bytes BLOB, PRIMARY KEY (name, part))");
    this.#sql.exec("DELETE FROM texts WHERE name = ?", name);
    for (let part = 0; part * maxRowBytes < bytes.byteLength; part += 1) {
      const row = bytes.slice(part * maxRowBytes, (part + 1) * maxRowBytes);
      this.#sql.exec("INSERT INTO texts VALUES (?, ?, ?)", name, part, row.buffer);
    }
  }

  /** Empty when nothing was put there. Throws when nothing ever was put anywhere. */
  get(name: string): string {
    const rows = this.#sql.exec<{ bytes: ArrayBuffer }>("SELECT bytes FROM texts WHERE name = ? ORDER BY part", name);
    const chunks = rows.toArray().map(({ bytes }) => new Uint8Array(bytes));
    const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    return new TextDecoder().decode(joinChunks(chunks, sizeBytes));
  }
}
