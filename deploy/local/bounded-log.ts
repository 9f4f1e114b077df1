// The log of a process that may write for months: a file, and the one before it. Together they hold at least the last half of
// what the bound allows, and never more than it but for the last pieces that were written.
import { closeSync, existsSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Writable } from "node:stream";

const newline = 0x0a;

/** Where what stood in the file before is found. */
export function olderLogOf(file: string): string {
  return `${file}.1`;
}

/** What is kept of a log. */
export async function readLog(file: string): Promise<string> {
  const older = existsSync(olderLogOf(file)) ? await readFile(olderLogOf(file), "utf8") : "";
  return older + (await readFile(file, "utf8"));
}

export class BoundedLog extends Writable {
  readonly #file: string;
  readonly #maxFileBytes: number;
  #descriptor: number;
  #sizeBytes = 0;

  /**
   * Begins the log anew.
   *
   * @param maxBytes of both files together.
   */
  constructor(file: string, maxBytes: number) {
    super();
    this.#file = file;
    this.#maxFileBytes = Math.floor(maxBytes / 2);
    rmSync(olderLogOf(file), { force: true });
    this.#descriptor = openSync(file, "w");
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    try {
      if (this.#sizeBytes + piece.byteLength > this.#maxFileBytes) this.#turn(piece);
      else this.#append(piece);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _final(done: (error?: Error) => void): void {
    closeSync(this.#descriptor);
    done();
  }

  /** No line is in both files, unless it is longer than a piece. */
  #turn(piece: Buffer): void {
    const endOfLines = piece.lastIndexOf(newline) + 1;
    this.#append(piece.subarray(0, endOfLines));
    closeSync(this.#descriptor);
    renameSync(this.#file, olderLogOf(this.#file));
    this.#descriptor = openSync(this.#file, "w");
    this.#sizeBytes = 0;
    this.#append(piece.subarray(endOfLines));
  }

  #append(bytes: Buffer): void {
    let written = 0;
    while (written < bytes.byteLength) written += writeSync(this.#descriptor, bytes, written);
    this.#sizeBytes += bytes.byteLength;
  }
}
