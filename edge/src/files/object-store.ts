// R2, of which nothing is waited for longer than told: a caller, or a sweep, would otherwise hang with it.
import { AppError } from "@sluice/shared/errors.ts";
import { answerWithin } from "#edge/deadline.ts";

const retryAfterMs = 1_000;

/** An object that is put in parts, of which nothing is seen before it is complete. */
export interface PartedUpload {
  readonly uploadId: string;
  readonly putPart: (number: number, bytes: Uint8Array) => Promise<R2UploadedPart>;
  readonly complete: (parts: R2UploadedPart[]) => Promise<void>;
}

/** Every method throws `unavailable` when R2 fails or is silent. */
export class ObjectStore {
  readonly #bucket: R2Bucket;
  readonly #timeoutMs: number;

  /** @param timeoutMs longest wait for one operation: of an object that is read, for its first bytes. */
  constructor(bucket: R2Bucket, timeoutMs: number) {
    this.#bucket = bucket;
    this.#timeoutMs = timeoutMs;
  }

  /** Absent when there is no such object. */
  async get(key: string, range?: R2Range | Headers): Promise<R2ObjectBody | undefined> {
    const object = await this.#within(this.#bucket.get(key, range === undefined ? {} : { range }));
    return object ?? undefined;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#within(this.#bucket.put(key, bytes));
  }

  async putInParts(key: string): Promise<PartedUpload> {
    const upload = await this.#within(this.#bucket.createMultipartUpload(key));
    return {
      uploadId: upload.uploadId,
      putPart: async (number, bytes) => this.#within(upload.uploadPart(number, bytes)),
      complete: async (parts) => void (await this.#within(upload.complete(parts))),
    };
  }

  /** Gives up an upload in parts. */
  async abort(key: string, uploadId: string): Promise<void> {
    await this.#within(this.#bucket.resumeMultipartUpload(key, uploadId).abort());
  }

  /** Deleting what is not there is fine. */
  async delete(key: string): Promise<void> {
    await this.#within(this.#bucket.delete(key));
  }

  async #within<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return answerWithin(this.#timeoutMs, answer, unanswered);
  }
}

function unanswered(cause?: unknown): AppError {
  const publicText = "Files cannot be reached at the moment.";
  return new AppError("unavailable", { publicText, cause, retryAfterMs, detail: `object store: ${String(cause)}` });
}
