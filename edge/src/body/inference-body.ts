import { sha256Base64Url } from "@sluice/shared/passport.ts";

/** What a region gets, byte for byte, and whether its answer is to be streamed. */
export class InferenceBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly stream: boolean;
  #hash: Promise<string> | undefined;

  constructor(bytes: Uint8Array<ArrayBuffer>, stream: boolean) {
    this.bytes = bytes;
    this.stream = stream;
  }

  /** SHA-256 of the bytes, as base64url: for passports and idempotency keys, which share one computation. */
  async hash(): Promise<string> {
    this.#hash ??= sha256Base64Url(this.bytes);
    return this.#hash;
  }
}
