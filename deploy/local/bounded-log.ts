// The log of a process that may write for months: a file, and the one before it. Together they hold at least the last half of
// what the bound allows, and never more than it but for the last pieces that were written.
import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { Writable } from "node:stream";

const newline = 0x0a;

/** Where what stood in the file before is found. */
export function olderLogOf(file: string): string {
  return `${file}.1`;
}

export class BoundedLog extends Writable {
  readonly #file: string;
  readonly #maxFileBytes: number;
  readonly #onTrouble: (text: string) => void;
  #descriptor: number | undefined;
  #sizeBytes = 0;
  #isFailing = false;

  /**
   * Begins the log anew; what the last run left becomes the older one. What cannot be written, on a full disk say, is dropped and
   * fails nothing.
   *
   * @param maxBytes of both files together.
   * @param onTrouble is told the first time, and again after writing has worked meanwhile.
   */
  constructor(file: string, maxBytes: number, onTrouble: (text: string) => void) {
    super();
    this.#file = file;
    this.#maxFileBytes = Math.floor(maxBytes / 2);
    this.#onTrouble = onTrouble;
    this.#attempt(() => this.#open());
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#attempt(() => {
      this.#descriptor ??= this.#open();
      if (this.#sizeBytes + piece.byteLength > this.#maxFileBytes) this.#turn(this.#descriptor, piece);
      else this.#append(this.#descriptor, piece);
    });
    done();
  }

  override _final(done: () => void): void {
    this.#attempt(() => this.#close());
    done();
  }

  /** No line is in both files, unless it is longer than a piece. */
  #turn(descriptor: number, piece: Buffer): void {
    const endOfLines = piece.lastIndexOf(newline) + 1;
    this.#append(descriptor, piece.subarray(0, endOfLines));
    this.#append(this.#open(), piece.subarray(endOfLines));
  }

  #append(descriptor: number, bytes: Buffer): void {
    let written = 0;
    while (written < bytes.byteLength) written += writeSync(descriptor, bytes, written);
    this.#sizeBytes += bytes.byteLength;
  }

  /** A new file; the one that is there becomes the older one. */
  #open(): number {
    this.#close();
    try {
      renameSync(this.#file, olderLogOf(this.#file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    const descriptor = openSync(this.#file, "w", 0o600);
    this.#descriptor = descriptor;
    this.#sizeBytes = 0;
    return descriptor;
  }

  #close(): void {
    if (this.#descriptor === undefined) return;
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    closeSync(descriptor);
  }

  #attempt(action: () => void): void {
    try {
      action();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#onTrouble(`${this.#file} cannot be written, and lines are lost: ${reason}`);
      }
      this.#isFailing = true;
    }
  }
}
