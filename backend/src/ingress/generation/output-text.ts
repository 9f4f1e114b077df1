import { AppError } from "@sluice/shared/errors.ts";
import type { GenerateResponse, TokenLogprobs } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { ReasoningReader } from "#ingress/text/reasoning/reasoning-reader.ts";
import { Detokenizer } from "#ingress/text/detokenizer.ts";
import { StopStrings } from "#ingress/text/stop-strings.ts";
import type { TokenBytes } from "@sluice/shared/token-bytes.ts";
import { Echo } from "./echo.ts";
import type { GenerationPlan, TextPiece } from "./generation.ts";
import { countCodePoints, type LoggedToken, logToken } from "./logged-token.ts";
import { TokenTrail } from "./token-trail.ts";

/** An answer's text as it becomes certain out of the engine's tokens, with the tokens beside it when they were asked for. */
export class OutputText {
  readonly #plan: GenerationPlan;
  readonly #tokenBytes: TokenBytes;
  readonly #detokenizer: Detokenizer;
  readonly #stopStrings: StopStrings;
  readonly #echo: Echo | undefined;
  readonly #trail = new TokenTrail();
  /** Follows the text from token to token, to count those of a thought. */
  readonly #reasoning: ReasoningReader | undefined;
  #numReasoningTokens = 0;
  #numTokens = 0;
  /** Tokens whose logprob is known, and the sum of these. */
  #numLogged = 0;
  #logprobSum = 0;
  /** UTF-16 units decoded, and of those how many are certain. */
  #numDecoded = 0;
  #numCertain = 0;
  /** Where the next token begins in the whole text, in code points. */
  #textOffset = 0;
  // Certain, and not taken yet.
  #text = "";
  #tokens: LoggedToken[] = [];
  #tokenIds: number[] = [];

  constructor(plan: GenerationPlan, tokenBytes: TokenBytes) {
    this.#plan = plan;
    this.#tokenBytes = tokenBytes;
    this.#detokenizer = new Detokenizer(tokenBytes);
    this.#stopStrings = new StopStrings(plan.stopStrings);
    const { echo, logprobs, promptTokenIds, reasoning } = plan;
    this.#reasoning = reasoning && new ReasoningReader(reasoning.format, reasoning.start);
    if (echo === undefined) return;
    this.#echo = new Echo(echo, promptTokenIds, logprobs !== undefined, tokenBytes);
    if (logprobs !== undefined) this.#textOffset = countCodePoints(echo);
  }

  /** Tokens of the output so far; those behind a stop string do not count. */
  get numTokens(): number {
    return this.#numTokens;
  }

  /** Of these, the tokens of a thought, with what marks it. */
  get numReasoningTokens(): number {
    return this.#numReasoningTokens;
  }

  /** Of the output's tokens, those included that a stop string cut off; undefined while none is known. */
  get meanLogprob(): number | undefined {
    return this.#numLogged === 0 ? undefined : this.#logprobSum / this.#numLogged;
  }

  /** Logprobs of the prompt's tokens from the second on, in order. */
  pushPrompt(logprobs: readonly TokenLogprobs[]): void {
    this.#echo?.push(logprobs);
  }

  /** Returns true when a stop string was completed: nothing may follow. */
  push({ tokenIds, logprobs }: GenerateResponse): boolean {
    return tokenIds.some((tokenId, index) => this.#pushToken(tokenId, logprobs?.tokens[index]));
  }

  /** The output ends here: what was held back for a stop string is output, the beginning of a character that broke off is not. */
  end(): void {
    this.#text += this.#stopStrings.flush();
    this.#tokens.push(...this.#trail.flush());
  }

  /** What became certain since the last time; undefined when nothing did. */
  take(): TextPiece | undefined {
    // The answer begins with the prompt, also when another choice is told of it later than this one of its tokens.
    if (this.#echo?.isIncomplete === true) return undefined;
    const echoed = this.#echo?.take();
    const text = (echoed?.text ?? "") + this.#text;
    const tokens = [...(echoed?.tokens ?? []), ...this.#tokens];
    const tokenIds = this.#tokenIds;
    this.#text = "";
    this.#tokens = [];
    this.#tokenIds = [];
    if (text === "" && tokens.length === 0 && tokenIds.length === 0) return undefined;
    return {
      text,
      tokens: this.#plan.logprobs && tokens,
      tokenIds: this.#plan.returnsTokenIds ? tokenIds : undefined,
    };
  }

  /** As vLLM has it (v1/engine/detokenizer.py): what the first minTokens tokens complete does not stop. */
  get #mayStop(): boolean {
    return this.#numTokens > this.#plan.minTokens;
  }

  #pushToken(tokenId: number, logprobs: TokenLogprobs | undefined): boolean {
    this.#numTokens += 1;
    if (logprobs !== undefined) {
      this.#numLogged += 1;
      this.#logprobSum += logprobs.logprob;
    }
    if (this.#plan.returnsTokenIds) this.#tokenIds.push(tokenId);
    const decoded = this.#detokenizer.push(tokenId);
    this.#countReasoning(decoded);
    const scan = this.#stopStrings.push(decoded, this.#mayStop);
    this.#text += scan.text;
    if (this.#plan.logprobs !== undefined) this.#track(tokenId, logprobs, decoded, scan.text);
    return scan.stopped;
  }

  #countReasoning(decoded: string): void {
    if (this.#reasoning?.mayReason !== true) return;
    this.#reasoning.push(decoded);
    // That it was no thought is known only later.
    this.#numReasoningTokens = this.#reasoning.hasReasoned ? this.#numTokens : 0;
  }

  #track(tokenId: number, logprobs: TokenLogprobs | undefined, decoded: string, certain: string): void {
    if (logprobs === undefined) throw new AppError("internal_error", { detail: "the engine sent no logprobs" });
    this.#trail.push(logToken(tokenId, logprobs, this.#textOffset, this.#tokenBytes), this.#numDecoded);
    this.#textOffset += countCodePoints(decoded);
    this.#numDecoded += decoded.length;
    this.#numCertain += certain.length;
    this.#tokens.push(...this.#trail.release(this.#numCertain));
  }
}
