// Writes an R2 object of unknown length with bounded memory: one part is gathered, and put before the next begins.
// Source: Cloudflare R2, "Multipart upload limitations": parts of 5 MiB or more, all alike but the last, at most 10,000.
import type { ObjectStore, PartedUpload } from "./object-store.ts";

const partSizeBytes = 5 * 1024 * 1024;

export interface PartWriterParts {
  readonly objects: ObjectStore;
  readonly key: string;
  /** Hears R2's name of an upload in parts before its first part is put, so that somebody else can take it back. */
  readonly onUpload: (uploadId: string) => Promise<void>;
}

export class PartWriter {
  readonly #parts: PartWriterParts;
  readonly #uploaded: R2UploadedPart[] = [];
  #upload: PartedUpload | undefined;
  #part = new Uint8Array(0);
  #numBytesInPart = 0;
  #sizeBytes = 0;

  constructor(parts: PartWriterParts) {
    this.#parts = parts;
  }

  /** So far. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#sizeBytes += bytes.byteLength;
    let rest = bytes;
    while (rest.byteLength > 0) {
      this.#makeRoom(rest.byteLength);
      const taken = rest.subarray(0, partSizeBytes - this.#numBytesInPart);
      this.#part.set(taken, this.#numBytesInPart);
      this.#numBytesInPart += taken.byteLength;
      rest = rest.subarray(taken.byteLength);
      if (this.#numBytesInPart === partSizeBytes) await this.#putPart();
    }
  }

  /** The object is there when this resolves, and not before. */
  async finish(): Promise<void> {
    const { objects, key } = this.#parts;
    if (this.#upload === undefined) {
      await objects.put(key, this.#part.subarray(0, this.#numBytesInPart));
      return;
    }
    if (this.#numBytesInPart > 0) await this.#putPart();
    await this.#upload.complete(this.#uploaded);
  }

  /** Grows with what comes, so that a small file takes little. */
  #makeRoom(numBytes: number): void {
    const needed = Math.min(partSizeBytes, this.#numBytesInPart + numBytes);
    if (needed <= this.#part.byteLength) return;
    const grown = new Uint8Array(Math.min(partSizeBytes, Math.max(needed, 2 * this.#part.byteLength)));
    grown.set(this.#part.subarray(0, this.#numBytesInPart));
    this.#part = grown;
  }

  async #putPart(): Promise<void> {
    this.#upload ??= await this.#begin();
    const number = this.#uploaded.length + 1;
    this.#uploaded.push(await this.#upload.putPart(number, this.#part.subarray(0, this.#numBytesInPart)));
    this.#numBytesInPart = 0;
  }

  async #begin(): Promise<PartedUpload> {
    const { objects, key, onUpload } = this.#parts;
    const upload = await objects.putInParts(key);
    await onUpload(upload.uploadId);
    return upload;
  }
}
