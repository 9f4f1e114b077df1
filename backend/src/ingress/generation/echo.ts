import type { TokenLogprobs } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { Detokenizer } from "#ingress/text/detokenizer.ts";
import type { TokenBytes } from "@sluice/shared/token-bytes.ts";
import type { TextPiece } from "./generation.ts";
import { countCodePoints, logToken } from "./logged-token.ts";

/** A prompt that the answer begins with: given out in one piece, once its logprobs, if they were asked for, are all there. */
export class Echo {
  readonly #text: string;
  readonly #promptTokenIds: readonly number[];
  readonly #tokenBytes: TokenBytes;
  /** Undefined when none were asked for. */
  readonly #logprobs: TokenLogprobs[] | undefined;
  #isTaken = false;

  constructor(text: string, promptTokenIds: readonly number[], hasLogprobs: boolean, tokenBytes: TokenBytes) {
    this.#text = text;
    this.#promptTokenIds = promptTokenIds;
    this.#tokenBytes = tokenBytes;
    this.#logprobs = hasLogprobs ? [] : undefined;
  }

  push(logprobs: readonly TokenLogprobs[]): void {
    this.#logprobs?.push(...logprobs);
  }

  /** Whether logprobs are still to come. */
  get isIncomplete(): boolean {
    return this.#logprobs !== undefined && this.#logprobs.length < this.#promptTokenIds.length - 1;
  }

  /** The prompt, once; undefined before it is complete and after it was taken. */
  take(): TextPiece | undefined {
    if (this.#isTaken || this.isIncomplete) return undefined;
    this.#isTaken = true;
    return { text: this.#text, tokens: this.#logprobs && this.#logTokens(this.#logprobs), tokenIds: undefined };
  }

  /** The first token has no logprobs: those of the second come first. */
  #logTokens(logprobs: readonly TokenLogprobs[]): TextPiece["tokens"] {
    const detokenizer = new Detokenizer(this.#tokenBytes);
    let textOffset = 0;
    return this.#promptTokenIds.map((tokenId, index) => {
      const logged = logToken(tokenId, index === 0 ? undefined : logprobs[index - 1], textOffset, this.#tokenBytes);
      textOffset += countCodePoints(detokenizer.push(tokenId));
      return logged;
    });
  }
}
