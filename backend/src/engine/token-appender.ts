import { chooseAsCandidates } from "./candidate-choices.ts";
import type { Finish, GenerationRequest, Logprobs } from "./generation.ts";
import type { LiveGeneration } from "./live-generation.ts";
import type { LogprobReader, TokenLogprobs } from "./sampling/logprobs.ts";
import type { TokenChooser } from "./sampling/token-chooser.ts";
import type { TokenMask } from "./sampling/token-mask.ts";
import { bannedTokens } from "./stopping/banned-tokens.ts";
import { decideStop } from "./stopping/decide-stop.ts";

/** The logits that the next token is to be chosen from, or the token itself. */
export type NextToken = Float32Array | { readonly tokenId: number };

/** What a step brought a generation. */
export interface Appended {
  /** To be told to the client: not the token that stopped it. */
  readonly tokenIds: readonly number[];
  /** Present when logprobs were asked for. */
  readonly logprobs?: Logprobs;
  /** Present when the generation ends with this. */
  readonly end?: Pick<Finish, "reason" | "stopTokenId">;
}

/** Chooses generations' next tokens, appends them, and decides whether that is the end. */
export class TokenAppender {
  readonly #chooser: TokenChooser;
  readonly #logprobs: LogprobReader;
  readonly #maxModelLen: number;
  readonly #numCandidates: number | undefined;

  /** @param numCandidates that choices are made from without their row, where candidates decide alone; absent: none are. */
  constructor(chooser: TokenChooser, logprobs: LogprobReader, maxModelLen: number, numCandidates: number | undefined) {
    this.#chooser = chooser;
    this.#logprobs = logprobs;
    this.#maxModelLen = maxModelLen;
    this.#numCandidates = numCandidates;
  }

  /**
   * Appends one token, or none when the generation is complete without.
   *
   * @param prompt the logprobs of the prompt that this step brought.
   * @throws when no token can be chosen.
   */
  append(generation: LiveGeneration, next: NextToken, prompt: readonly TokenLogprobs[]): Appended {
    const { request, sequence, grammar, text } = generation;
    const { stopping } = request;
    const withoutToken = { tokenIds: [], ...logprobsOf(request, [], prompt) };
    if (stopping.maxTokens === 0) return { ...withoutToken, end: { reason: "length" } };
    const bannedTokenIds = bannedTokens(stopping, sequence.numOutputTokens);
    const allowed = grammar?.allowedNext(stopping.stopTokenIds, bannedTokenIds.length === 0);
    if (grammar !== undefined && allowed === undefined) return { ...withoutToken, end: { reason: "stop" } };
    const isLogits = next instanceof Float32Array;
    const banned = grammar === undefined ? bannedTokenIds : [];
    const tokenId = isLogits ? this.#choose(next, generation, banned, allowed) : next.tokenId;
    const { logprobs } = request;
    const own = logprobs && isLogits ? [this.#logprobs.read(next, tokenId, logprobs.numTop)] : [];
    sequence.append(tokenId);
    const decision = decideStop(stopping, {
      sampledTokenId: tokenId,
      numOutputTokens: sequence.numOutputTokens,
      numTokens: sequence.tokenIds.length,
      maxModelLen: this.#maxModelLen,
    });
    const withToken = { tokenIds: [tokenId], ...logprobsOf(request, own, prompt) };
    switch (decision.kind) {
      case "continue":
        grammar?.accept(tokenId);
        text?.accept(tokenId);
        return withToken;
      case "length":
        return { ...withToken, end: { reason: "length" } };
      case "stop":
        return { ...withoutToken, end: { reason: "stop", stopTokenId: decision.stopTokenId } };
    }
  }

  #choose(
    logits: Float32Array,
    generation: LiveGeneration,
    bannedTokenIds: readonly number[],
    allowed: TokenMask | undefined,
  ): number {
    const asCandidates = chooseAsCandidates(logits, generation, this.#numCandidates);
    if (asCandidates !== undefined) return asCandidates;
    const { request, sequence, history, text } = generation;
    const { sampling } = request;
    const { tokenIds, numOutputTokens } = sequence;
    const state = { tokenIds, numOutputTokens, history, bannedTokenIds, allowed };
    const first = this.#chooser.choose(logits, sampling, state);
    const alternatives = text?.alternativesTo(first);
    if (alternatives === undefined) return first;
    return this.#chooser.chooseAgain(logits, sampling, { ...state, allowed: alternatives });
  }
}

/** Empty when no logprobs were asked for. */
function logprobsOf(
  request: GenerationRequest,
  tokens: readonly TokenLogprobs[],
  prompt: readonly TokenLogprobs[],
): { readonly logprobs?: Logprobs } {
  return request.logprobs === undefined ? {} : { logprobs: { tokens, prompt } };
}
