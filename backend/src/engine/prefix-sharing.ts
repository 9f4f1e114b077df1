import type { PrefixScope } from "@sluice/shared/hash-chain.ts";
import type { EmbeddingSpec } from "./executor/executor.ts";
import type { GenerationRequest } from "./generation.ts";

/** Decides with whom a request shares the blocks of equal prefixes. */
export class PrefixSharing {
  readonly #caching: boolean;
  readonly #isMean: boolean;

  /**
   * @param caching whether there is a prefix cache: sharing also with requests that ended.
   * @param embedding the model's; absent when it gives none.
   */
  constructor(caching: boolean, embedding: EmbeddingSpec | undefined) {
    this.#caching = caching;
    this.#isMean = embedding?.pooling === "mean";
  }

  /**
   * Whether the prefix cache is asked for the request's prompt, and told of its blocks. Logprobs of the prompt need the
   * logits of every position, and a mean needs every hidden state, which the cache does not keep. Their blocks are not
   * published either: who scores prompts sends many that are each read once, and the next of them would not look; naming
   * theirs would only push out what others come back to.
   */
  usesCache({ logprobs, embedding }: GenerationRequest): boolean {
    return this.#caching && logprobs?.prompt !== true && !(embedding !== undefined && this.#isMean);
  }

  /** Absent: the request's blocks are shared with nobody's. Forks share those of their prompt even where no cache is used. */
  scopeOf(request: GenerationRequest): PrefixScope | undefined {
    const { cacheSalt, sequenceId, forkIds = [] } = request;
    if (this.usesCache(request)) return { cacheSalt };
    return forkIds.length > 0 ? { cacheSalt, family: sequenceId } : undefined;
  }
}
