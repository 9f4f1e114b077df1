import type { GenerateRequest } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { HashChain, type ShortName, shorten } from "@sluice/shared/hash-chain.ts";
import { sha256 } from "#platform/sha256.ts";

/** What of a request matters to prefix caches. */
export type Prompt = Pick<GenerateRequest, "promptTokenIds" | "cacheSalt" | "logprobs">;

/** A prompt cut into blocks, named as its engine will name them; each name is computed when it is first asked for. */
export class PromptBlocks {
  readonly #prompt: Prompt;
  // blockSize -> the prompt's chain in such blocks
  readonly #chains = new Map<number, HashChain>();

  constructor(prompt: Prompt) {
    this.#prompt = prompt;
  }

  get numTokens(): number {
    return this.#prompt.promptTokenIds.length;
  }

  /** Whether an engine looks for this prompt in its cache; it computes the whole of one whose logprobs are wanted. */
  get isCacheable(): boolean {
    return this.#prompt.logprobs?.prompt !== true;
  }

  /** How many tokens, from the first on, lie in blocks that are held. Never all: the last one is always computed. */
  countHeld(blockSize: number, isHeld: (name: ShortName) => boolean): number {
    let numHeld = 0;
    while (numHeld < this.#numUsable(blockSize) && isHeld(this.#nameOf(numHeld, blockSize))) numHeld += 1;
    return numHeld * blockSize;
  }

  /** Of all blocks that another prompt could find. */
  names(blockSize: number): readonly ShortName[] {
    const numFull = this.isCacheable ? Math.floor(this.numTokens / blockSize) : 0;
    return Array.from({ length: numFull }, (_, index) => this.#nameOf(index, blockSize));
  }

  /** A number for the prompt's first block on this engine, the same for whoever asks; absent when there is no such block. */
  homeRank(blockSize: number, engine: string): number | undefined {
    if (this.#numUsable(blockSize) === 0) return undefined;
    const digest = sha256(new TextEncoder().encode(this.#nameOf(0, blockSize) + engine));
    return Buffer.from(digest, "latin1").readUInt32LE();
  }

  #numUsable(blockSize: number): number {
    return this.isCacheable ? Math.max(0, Math.floor((this.numTokens - 1) / blockSize)) : 0;
  }

  #nameOf(index: number, blockSize: number): ShortName {
    let chain = this.#chains.get(blockSize);
    if (chain === undefined) {
      chain = new HashChain(this.#prompt, blockSize, sha256);
      this.#chains.set(blockSize, chain);
    }
    return shorten(chain.hashOf(index, this.#prompt.promptTokenIds));
  }
}
