import type { GenerateResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { Logprobs } from "#engine/generation.ts";
import type { TokenLogprobs } from "#engine/sampling/logprobs.ts";

/** Tokens, and what is told of them. */
export interface TokenBatch {
  readonly tokenIds: readonly number[];
  readonly logprobs?: Logprobs | undefined;
  /** Of the prompt's tokens, how many the prefix cache had; with the first of the tokens. */
  readonly numCachedTokens?: number | undefined;
}

/**
 * Most tokens in one message, and as many of the prompt's logprobs: at 20 alternatives each, which take up to 250 bytes,
 * both stay well below the 4 MiB that gRPC takes.
 */
const MAX_TOKENS_PER_MESSAGE = 4096;

/** What waits to be sent, in order. */
export class PendingTokens {
  #tokenIds: number[] = [];
  #logprobs: { tokens: TokenLogprobs[]; prompt: TokenLogprobs[] } | undefined;
  /** Goes out with the next token. */
  #numCachedTokens: number | undefined;

  /** Tokens, and what is told of tokens: each with the likely ones beside it. */
  get size(): number {
    return this.#tokenIds.length + sizeOf(this.#logprobs?.tokens) + sizeOf(this.#logprobs?.prompt);
  }

  get isEmpty(): boolean {
    return this.#tokenIds.length === 0 && (this.#logprobs?.prompt.length ?? 0) === 0;
  }

  /** Whether `take` would give all there is. */
  get fitsOneMessage(): boolean {
    return Math.max(this.#tokenIds.length, this.#logprobs?.prompt.length ?? 0) <= MAX_TOKENS_PER_MESSAGE;
  }

  push({ tokenIds, logprobs, numCachedTokens }: TokenBatch): void {
    this.#tokenIds.push(...tokenIds);
    this.#numCachedTokens ??= numCachedTokens;
    if (logprobs === undefined) return;
    this.#logprobs ??= { tokens: [], prompt: [] };
    this.#logprobs.tokens.push(...logprobs.tokens);
    this.#logprobs.prompt.push(...logprobs.prompt);
  }

  /** Removes a message's worth. The prompt's logprobs come before the first token, as the proto says. */
  take(): GenerateResponse {
    const prompt = this.#logprobs?.prompt.splice(0, MAX_TOKENS_PER_MESSAGE) ?? [];
    const hasMorePrompt = (this.#logprobs?.prompt.length ?? 0) > 0;
    const numTokens = hasMorePrompt ? 0 : MAX_TOKENS_PER_MESSAGE;
    const tokenIds = this.#tokenIds.splice(0, numTokens);
    const tokens = this.#logprobs?.tokens.splice(0, numTokens) ?? [];
    const cachedTokens = tokenIds.length > 0 ? this.#numCachedTokens : undefined;
    if (tokenIds.length > 0) this.#numCachedTokens = undefined;
    return {
      tokenIds,
      cachedTokens,
      ...(this.#logprobs !== undefined && {
        logprobs: { tokens: tokens.map(toMessage), prompt: prompt.map(toMessage) },
      }),
    };
  }

  clear(): void {
    this.#tokenIds = [];
    this.#logprobs = undefined;
    this.#numCachedTokens = undefined;
  }
}

/** All have as many beside them. */
function sizeOf(logprobs: readonly TokenLogprobs[] = []): number {
  return logprobs.length * (1 + (logprobs[0]?.topTokenIds.length ?? 0));
}

function toMessage({ logprob, topTokenIds, topLogprobs }: TokenLogprobs): {
  logprob: number;
  topTokenIds: number[];
  topLogprobs: number[];
} {
  return { logprob, topTokenIds: [...topTokenIds], topLogprobs: [...topLogprobs] };
}
