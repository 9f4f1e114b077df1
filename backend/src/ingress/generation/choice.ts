import { AppError } from "@sluice/shared/errors.ts";
import { type Finish, FinishReason, type GenerateResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { TokenBytes } from "@sluice/shared/token-bytes.ts";
import type { GenerationEvent, GenerationPlan, TextPiece } from "./generation.ts";
import type { ToolCallEvent, ToolCallParser } from "#ingress/text/tool-calls/tool-call-event.ts";
import { OutputText } from "./output-text.ts";

/** One of a plan's choices while its tokens come. */
export class Choice {
  readonly #index: number;
  readonly #output: OutputText;
  readonly #toolCalls: ToolCallParser | undefined;
  #hasCalled = false;
  #end: { readonly reason: CompletionFinishReason; readonly finish: Finish | undefined } | undefined;
  #isTold = false;

  /** @param index the choice's in the answer. */
  constructor(index: number, plan: GenerationPlan, tokenBytes: TokenBytes) {
    this.#index = index;
    this.#output = new OutputText(plan, tokenBytes);
    this.#toolCalls = plan.toolFormat?.createParser();
  }

  /** Whether nothing more may be pushed. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** As in `TokenUsage`. */
  get completionTokens(): number {
    return this.#end?.finish?.completionTokens ?? this.#output.numTokens;
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
    for (const event of this.#toolCalls?.end() ?? []) events.push(this.#toEvent(event));
    const { meanLogprob } = this.#output;
    const finishReason = this.#hasCalled && this.#end.reason === "stop" ? "tool_calls" : this.#end.reason;
    events.push({ kind: "end", index: this.#index, finishReason, meanLogprob });
    return events;
  }

  /** Logprobs are told with the text before the piece's first call, if there is any. */
  #read(piece: TextPiece): GenerationEvent[] {
    if (this.#toolCalls === undefined) return [{ kind: "text", index: this.#index, ...piece }];
    const [first, ...others] = this.#toolCalls.push(piece.text).map((event) => this.#toEvent(event));
    if (piece.tokens === undefined) return first === undefined ? [] : [first, ...others];
    if (first?.kind === "text") return [{ ...first, tokens: piece.tokens }, ...others];
    const untold: GenerationEvent = { kind: "text", index: this.#index, text: "", tokens: piece.tokens };
    return first === undefined ? [untold] : [untold, first, ...others];
  }

  #toEvent(event: ToolCallEvent): GenerationEvent {
    if (event.kind === "text") return { ...event, index: this.#index, tokens: undefined };
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
