import type { TokenBytes } from "@sluice/shared/token-bytes.ts";

/**
 * Turns one sequence's token ids into text as they come. A character that is still incomplete waits for its remaining
 * bytes; bytes that can never become a character turn into U+FFFD, as the whole decoded at once would have them
 * (WHATWG Encoding, "UTF-8 decoder"). The joined results of `push` and the last `flush` equal that whole, and each token
 * costs its own bytes only.
 */
export class Detokenizer {
  readonly #tokenBytes: TokenBytes;
  // A byte order mark is a character like any other here.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(tokenBytes: TokenBytes) {
    this.#tokenBytes = tokenBytes;
  }

  /** The text that became certain with this token; often empty in the middle of a character. */
  push(tokenId: number): string {
    return this.#decoder.decode(this.#tokenBytes.of(tokenId), { stream: true });
  }

  /** Ends the text: U+FFFD when it broke off inside a character, else empty. */
  flush(): string {
    return this.#decoder.decode();
  }
}

/** All of a text at once. */
export function decodeTokens(tokenIds: readonly number[], tokenBytes: TokenBytes): string {
  const detokenizer = new Detokenizer(tokenBytes);
  return tokenIds.map((tokenId) => detokenizer.push(tokenId)).join("") + detokenizer.flush();
}
