import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { LifecycleEvent, NumberedEvent, ResponseEvent } from "@sluice/shared/openai/response-event.ts";
import type { AppError } from "@sluice/shared/errors.ts";
import type { MessageOutput, OutputItem, ResponseObject } from "@sluice/shared/openai/response.ts";
import type { GenerationEvent, TextPiece, TokenUsage } from "#ingress/generation/generation.ts";
import { callItem, type ItemEnd, type OpenItem, reasoningItem, textPart } from "./output-items.ts";
import { toOutputLogprobs } from "./output-logprobs.ts";
import { toResponseUsage } from "./response-usage.ts";

/** Turns one generation into the events of a response, and keeps the response itself, which its last event carries. */
export class ResponseWriter {
  readonly #nowS: () => number;
  readonly #requestId: string;
  readonly #output: OutputItem[] = [];
  #response: ResponseObject;
  #open: OpenItem | undefined;
  #finishReason: CompletionFinishReason = "stop";
  #nextNumber = 0;

  /**
   * @param response as it is before anything is computed.
   * @param nowS seconds since the Unix epoch.
   */
  constructor(response: ResponseObject, requestId: string, nowS: () => number) {
    this.#response = response;
    this.#requestId = requestId;
    this.#nowS = nowS;
  }

  /** As far as it is known. */
  get response(): ResponseObject {
    return this.#response;
  }

  /** The first events. A response in the background says that it waited. */
  begin(): NumberedEvent[] {
    const queued = { ...this.#response, status: "queued" } as const;
    this.#response = { ...this.#response, status: "in_progress" };
    const response = this.#response;
    const inProgress: ResponseEvent = { type: "response.in_progress", response };
    if (!response.background) return this.#number([{ type: "response.created", response }, inProgress]);
    const waited: ResponseEvent[] = [
      { type: "response.created", response: queued },
      { type: "response.queued", response: queued },
    ];
    return this.#number([...waited, inProgress]);
  }

  push(event: GenerationEvent): NumberedEvent[] {
    switch (event.kind) {
      case "text":
        return this.#number(this.#write(event));
      case "reasoning":
        return this.#number(this.#think(event.text));
      case "callStart":
        return this.#number([...this.#close("completed"), ...this.#openCall(event.call, event.name)]);
      case "callArguments":
        return this.#number(this.#extendCall(event.text));
      case "end":
        this.#finishReason = event.finishReason;
        return this.#number(this.#closeLast(event.finishReason));
      case "usage":
        return this.#number([this.#finish(event.usage)]);
    }
  }

  /** The last event of a response that went wrong after it began; what was written so far stays in it. */
  fail(error: AppError): NumberedEvent[] {
    const events = this.#close("incomplete");
    const code = error.code === "rate_limit_exceeded" ? error.code : "server_error";
    const failed = { status: "failed", error: { code, message: error.publicText } } as const;
    this.#response = { ...this.#response, ...failed, output: [...this.#output] };
    return this.#number([...events, { type: "response.failed", response: this.#response }]);
  }

  #write({ text, tokens }: TextPiece): ResponseEvent[] {
    const logprobs = toOutputLogprobs(tokens);
    // White space between two calls, or logprobs of tokens without text, begin no message of their own.
    if (this.#open?.kind !== "message" && text === "") return [];
    const opened = this.#open?.kind === "message" ? [] : [...this.#close("completed"), ...this.#openMessage()];
    if (this.#open?.kind !== "message") return opened;
    this.#open.text += text;
    this.#open.logprobs.push(...logprobs);
    const address = { item_id: this.#open.id, output_index: this.#output.length, content_index: 0 };
    return [...opened, { type: "response.output_text.delta", ...address, delta: text, logprobs }];
  }

  #openMessage(): ResponseEvent[] {
    const id = this.#itemId("msg");
    this.#open = { kind: "message", id, text: "", logprobs: [] };
    const output_index = this.#output.length;
    const item: MessageOutput = { type: "message", id, role: "assistant", status: "in_progress", content: [] };
    const part = textPart("", []);
    return [
      { type: "response.output_item.added", output_index, item },
      { type: "response.content_part.added", item_id: id, output_index, content_index: 0, part },
    ];
  }

  #think(text: string): ResponseEvent[] {
    const output_index = this.#output.length;
    if (this.#open?.kind === "reasoning") {
      this.#open.text += text;
      const address = { item_id: this.#open.id, output_index, content_index: 0 };
      return [{ type: "response.reasoning_text.delta", ...address, delta: text }];
    }
    const open: OpenItem = { kind: "reasoning", id: this.#itemId("rs"), text };
    this.#open = open;
    const address = { item_id: open.id, output_index, content_index: 0 };
    const item = { ...reasoningItem(open, "in_progress"), content: [] };
    return [
      { type: "response.output_item.added", output_index, item },
      { type: "response.content_part.added", ...address, part: { type: "reasoning_text", text: "" } },
      { type: "response.reasoning_text.delta", ...address, delta: text },
    ];
  }

  #openCall(call: number, name: string): ResponseEvent[] {
    const id = this.#itemId("fc");
    const open: OpenItem = { kind: "call", id, callId: `call_${this.#requestId}_${call}`, name, argumentsText: "" };
    this.#open = open;
    const item = callItem(open, "in_progress");
    return [{ type: "response.output_item.added", output_index: this.#output.length, item }];
  }

  #extendCall(text: string): ResponseEvent[] {
    if (this.#open?.kind !== "call") return [];
    this.#open.argumentsText += text;
    const address = { item_id: this.#open.id, output_index: this.#output.length };
    return [{ type: "response.function_call_arguments.delta", ...address, delta: text }];
  }

  /** An answer of no words is a message without any. */
  #closeLast(finishReason: CompletionFinishReason): ResponseEvent[] {
    const opened = this.#open === undefined && this.#output.length === 0 ? this.#openMessage() : [];
    return [...opened, ...this.#close(finishReason === "length" ? "incomplete" : "completed")];
  }

  #close(status: ItemEnd): ResponseEvent[] {
    const open = this.#open;
    if (open === undefined) return [];
    this.#open = undefined;
    const output_index = this.#output.length;
    if (open.kind === "call") {
      const { id, name, argumentsText } = open;
      const item = callItem(open, status);
      this.#output.push(item);
      const done = { item_id: id, name, output_index, arguments: argumentsText };
      return [
        { type: "response.function_call_arguments.done", ...done },
        { type: "response.output_item.done", output_index, item },
      ];
    }
    if (open.kind === "reasoning") {
      const item = reasoningItem(open, status);
      this.#output.push(item);
      const address = { item_id: open.id, output_index, content_index: 0 };
      return [
        { type: "response.reasoning_text.done", ...address, text: open.text },
        { type: "response.content_part.done", ...address, part: { type: "reasoning_text", text: open.text } },
        { type: "response.output_item.done", output_index, item },
      ];
    }
    const { id, text, logprobs } = open;
    const part = textPart(text, logprobs);
    const item: MessageOutput = { type: "message", id, role: "assistant", status, content: [part] };
    this.#output.push(item);
    const address = { item_id: id, output_index, content_index: 0 };
    return [
      { type: "response.output_text.done", ...address, text, logprobs },
      { type: "response.content_part.done", ...address, part },
      { type: "response.output_item.done", output_index, item },
    ];
  }

  #finish(usage: TokenUsage): LifecycleEvent {
    const isCut = this.#finishReason === "length";
    this.#response = {
      ...this.#response,
      status: isCut ? "incomplete" : "completed",
      completed_at: isCut ? null : this.#nowS(),
      incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
      output: [...this.#output],
      usage: toResponseUsage(usage),
    };
    return { type: isCut ? "response.incomplete" : "response.completed", response: this.#response };
  }

  /** Leads back to the response. */
  #itemId(prefix: string): string {
    return `${prefix}_${this.#response.id.replace(/^resp_/, "")}_${this.#output.length}`;
  }

  #number(events: readonly ResponseEvent[]): NumberedEvent[] {
    return events.map((event) => ({ ...event, sequence_number: this.#nextNumber++ }));
  }
}
