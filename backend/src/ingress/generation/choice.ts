import { AppError } from "@sluice/shared/errors.ts";
import { type Finish, FinishReason, type GenerateResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { TokenBytes } from "@sluice/shared/token-bytes.ts";
import type { GenerationEvent, GenerationPlan, TextPiece } from "./generation.ts";
import { type OutputEvent, OutputReader } from "#ingress/text/output-reader.ts";
import { ReasoningReader } from "#ingress/text/reasoning/reasoning-reader.ts";
import { CallParser } from "#ingress/text/tool-calls/call-parser.ts";
import { OutputText } from "./output-text.ts";

/** One of a plan's choices while its tokens come. */
export class Choice {
  readonly #index: number;
  readonly #output: OutputText;
  readonly #reader: OutputReader;
  readonly #tellsReasoning: boolean;
  #hasCalled = false;
  #end: { readonly reason: CompletionFinishReason; readonly finish: Finish | undefined } | undefined;
  #isTold = false;

  /** @param index the choice's in the answer. */
  constructor(index: number, plan: GenerationPlan, tokenBytes: TokenBytes) {
    this.#index = index;
    this.#output = new OutputText(plan, tokenBytes);
    const { reasoning, toolFormat } = plan;
    this.#reader = new OutputReader(
      reasoning && new ReasoningReader(reasoning.format, reasoning.start),
      toolFormat && new CallParser(toolFormat.syntax),
    );
    this.#tellsReasoning = reasoning?.isTold === true;
  }

  /** Whether nothing more may be pushed. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** As in `TokenUsage`. */
  get completionTokens(): number {
    return this.#end?.finish?.completionTokens ?? this.#output.numTokens;
  }

  /** As in `TokenUsage`. */
  get reasoningTokens(): number {
    return this.#output.numReasoningTokens;
  }

  /** What the plan's first choice is told of the prompt is told for all. */
  pushPrompt(logprobs: NonNullable<GenerateResponse["logprobs"]>["prompt"]): void {
    this.#output.pushPrompt(logprobs);
  }

  /** Returns true when a stop string was completed: the engine does not know yet that the choice has ended. */
  push(response: GenerateResponse): boolean {
    const stopped = this.#output.push(response);
    const { finish } = response;
    if (stopped) this.#end = { reason: "stop", finish: undefined };
    else if (finish !== undefined) {
      this.#output.end();
      this.#end = { reason: toFinishReason(finish.reason), finish };
    }
    return stopped && finish === undefined;
  }

  /** What is certain and was not taken yet; the last time, with the end. */
  take(): GenerationEvent[] {
    const events: GenerationEvent[] = [];
    const piece = this.#output.take();
    if (piece !== undefined) events.push(...this.#read(piece));
    if (this.#end === undefined || this.#isTold) return events;
    this.#isTold = true;
    events.push(...this.#toEvents(this.#reader.end()));
    const { meanLogprob } = this.#output;
    const finishReason = this.#hasCalled && this.#end.reason === "stop" ? "tool_calls" : this.#end.reason;
    events.push({ kind: "end", index: this.#index, finishReason, meanLogprob });
    return events;
  }

  /** What is told of tokens is told with the text before the piece's first call, if there is any. */
  #read({ text, ...tokens }: TextPiece): GenerationEvent[] {
    const events = text === "" ? [] : this.#toEvents(this.#reader.push(text));
    if (tokens.tokens === undefined && tokens.tokenIds === undefined) return events;
    const [first, ...others] = events;
    if (first?.kind === "text" || first?.kind === "reasoning") return [{ ...first, ...tokens }, ...others];
    return [{ kind: "text", index: this.#index, text: "", ...tokens }, ...events];
  }

  #toEvents(read: readonly OutputEvent[]): GenerationEvent[] {
    const told = read.filter(({ kind }) => kind !== "reasoning" || this.#tellsReasoning);
    return told.map((event) => this.#toEvent(event));
  }

  #toEvent(event: OutputEvent): GenerationEvent {
    if (event.kind === "text" || event.kind === "reasoning") {
      return { ...event, index: this.#index, tokens: undefined, tokenIds: undefined };
    }
    this.#hasCalled = true;
    return { ...event, index: this.#index };
  }
}

function toFinishReason(reason: FinishReason): CompletionFinishReason {
  switch (reason) {
    case FinishReason.STOP:
      return "stop";
    case FinishReason.LENGTH:
      return "length";
    case FinishReason.ABORT:
      throw new AppError("deadline_exceeded", { detail: "the engine ended the request" });
    default:
      throw new AppError("internal_error", { detail: `unknown finish reason ${reason}` });
  }
}
