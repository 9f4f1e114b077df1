// What is long in a Durable Object's database: a row holds at most 2 MB, so a text takes as many as it needs.
import { joinChunks } from "#edge/body/join-chunks.ts";

const maxRowBytes = 1024 * 1024;

export class Shelf {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Replaces what stood under the name. Returns the text's size in bytes. */
  put(name: string, text: string): number {
    const bytes = new TextEncoder().encode(text);
    this.putBytes(name, bytes);
    return bytes.byteLength;
  }

  /** Replaces what stood under the name. */
  putBytes(name: string, bytes: Uint8Array): void {
    this.#makeTable();
    this.#sql.exec("DELETE FROM texts WHERE name = ?", name);
    for (let part = 0; part * maxRowBytes < bytes.byteLength; part += 1) {
      const row = bytes.slice(part * maxRowBytes, (part + 1) * maxRowBytes);
      this.#sql.exec("INSERT INTO texts VALUES (?, ?, ?)", name, part, row.buffer);
    }
  }

  /** Forgets all texts. */
  clear(): void {
    this.#makeTable();
    this.#sql.exec("DELETE FROM texts");
  }

  /** Empty when nothing was put there. Throws when nothing ever was put anywhere. */
  get(name: string): string {
    return new TextDecoder().decode(this.getBytes(name));
  }

  /** As `get`. */
  getBytes(name: string): Uint8Array<ArrayBuffer> {
    return this.#getBetween(name, name)[0] ?? new Uint8Array();
  }

  /** The texts of all names from the first to the last, in the order of their names. Throws as `get` does. */
  getBetween(first: string, last: string): string[] {
    return this.#getBetween(first, last).map((bytes) => new TextDecoder().decode(bytes));
  }

  #getBetween(first: string, last: string): Uint8Array<ArrayBuffer>[] {
    const query = "SELECT name, bytes FROM texts WHERE name BETWEEN ? AND ? ORDER BY name, part";
    const rows = this.#sql.exec<{ name: string; bytes: ArrayBuffer }>(query, first, last);
    // name -> its parts
    const parts = new Map<string, Uint8Array[]>();
    for (const { name, bytes } of rows) parts.set(name, [...(parts.get(name) ?? []), new Uint8Array(bytes)]);
    return [...parts.values()].map(joinAll);
  }

  #makeTable(): void {
    this.#sql.exec("CREATE TABLE IF NOT EXISTS texts (name TEXT, part INTEGER, bytes BLOB, PRIMARY KEY (name, part))");
  }
}

function joinAll(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const sizeBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  return joinChunks(parts, sizeBytes);
}
