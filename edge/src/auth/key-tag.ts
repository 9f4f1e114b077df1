// The tag of an API key: a truncated HMAC-SHA-256 (RFC 2104, truncation per section 5) of the rest of the key. It makes a
// forged or mistyped key refusable with one hash and no storage. It is a filter, not the proof: the secret is the proof, so
// 50 bits are enough to let one forgery in 10^15 reach a gate that refuses it anyway.
import { equalsInConstantTime } from "./constant-time.ts";
import { encodeBase32 } from "#edge/base32.ts";

const encoder = new TextEncoder();

/** Characters of a tag; 5 bits each. */
export const tagLength = 10;

/** Tags keys and checks tags, under one Worker secret. */
export class KeyTagger {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  static async fromSecret(secret: string): Promise<KeyTagger> {
    const bytes = encoder.encode(secret);
    return new KeyTagger(
      await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]),
    );
  }

  async tag(text: string): Promise<string> {
    const signature = await crypto.subtle.sign("HMAC", this.#key, encoder.encode(text));
    return encodeBase32(new Uint8Array(signature)).slice(0, tagLength);
  }

  async verify(text: string, tag: string): Promise<boolean> {
    return equalsInConstantTime(await this.tag(text), tag);
  }
}
