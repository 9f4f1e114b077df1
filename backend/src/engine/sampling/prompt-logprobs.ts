import type { LogprobReader, TokenLogprobs } from "./logprobs.ts";

/** Consecutive positions of a sequence. */
export interface Chunk {
  readonly start: number;
  readonly numTokens: number;
}

/**
 * The logprobs of one prompt's tokens, read chunk by chunk as the prompt is computed. A token's are in the logits of the
 * position before it: so the first token has none, and the logits of the last position belong to the output. Each is read
 * once, also when the sequence is preempted and its prompt computed again.
 */
export class PromptLogprobs {
  readonly #promptTokenIds: readonly number[];
  readonly #numTop: number;
  /** Positions below it are read. */
  #nextPosition = 0;

  constructor(promptTokenIds: readonly number[], numTop: number) {
    this.#promptTokenIds = promptTokenIds;
    this.#numTop = numTop;
  }

  /** Of how many of the chunk's last positions the logits are wanted; when any are, the chunk's last is one of them. */
  numLogits(chunk: Chunk): number {
    return this.#unread(chunk) === 0 ? 0 : chunk.start + chunk.numTokens - this.#nextPosition;
  }

  /**
   * The logprobs that the chunk brings, in the order of their tokens.
   *
   * @param rows the logits of the chunk's last `numLogits` positions.
   * @throws when positions before the chunk were never seen, or the logits are not finite.
   */
  read(chunk: Chunk, rows: readonly Float32Array[], reader: LogprobReader): readonly TokenLogprobs[] {
    const count = this.#unread(chunk);
    if (count > 0 && chunk.start > this.#nextPosition) throw new Error("positions of the prompt were skipped");
    const first = this.#nextPosition;
    this.#nextPosition += count;
    return rows
      .slice(0, count)
      .map((row, index) => reader.read(row, this.#promptTokenIds[first + index + 1] ?? 0, this.#numTop));
  }

  #unread({ start, numTokens }: Chunk): number {
    const end = Math.min(start + numTokens, this.#promptTokenIds.length - 1);
    return Math.max(0, end - Math.max(start, this.#nextPosition));
  }
}
