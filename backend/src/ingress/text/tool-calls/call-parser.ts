// Tells calls from text as an output comes. What stands around a call differs from family to family (`CallSyntax`); the way
// through it does not: text, an opening, what comes before the arguments, the arguments, what comes behind them.
import { heldBackLength } from "#ingress/text/held-back.ts";
import type { CallHead } from "./call-head.ts";
import { JsonExtent } from "./json-extent.ts";
import type { ToolCallEvent, ToolCallParser } from "./tool-call-event.ts";

export type CallTail =
  /** `length` characters belong to the call; then comes text, another opening, or at once another head. */
  { readonly kind: "tail"; readonly length: number; readonly next: "text" | "head" } | { readonly kind: "incomplete" };

/** How a family of models writes calls. */
export interface CallSyntax {
  /** Begins a call, or several, and no text. */
  readonly opening: string;
  /** Whether an output may begin with a call that has no opening. */
  readonly mayBeginBare: boolean;
  /** What stands between opening and arguments. @param isFirst behind an opening. */
  readHead(text: string, isFirst: boolean): CallHead;
  /** What follows the arguments. */
  readTail(text: string): CallTail;
}

type State =
  | { readonly kind: "text" }
  /** `opening` is given out as text when no head follows; empty at the beginning of an output, and behind another call. */
  | { readonly kind: "head"; readonly opening: string; readonly isFirst: boolean }
  | { readonly kind: "arguments"; readonly extent: JsonExtent }
  | { readonly kind: "tail" };

/**
 * Arguments are told as they come. A call that is written otherwise (say, with the arguments first) stays text, as the
 * model wrote it; white space before a call is part of neither.
 */
export class CallParser implements ToolCallParser {
  readonly #syntax: CallSyntax;
  #state: State;
  #held = "";
  #numCalls = 0;

  constructor(syntax: CallSyntax) {
    this.#syntax = syntax;
    this.#state = syntax.mayBeginBare ? { kind: "head", opening: "", isFirst: true } : { kind: "text" };
  }

  push(text: string): ToolCallEvent[] {
    this.#held += text;
    const events: ToolCallEvent[] = [];
    while (this.#advance(events));
    return events;
  }

  end(): ToolCallEvent[] {
    const state = this.#state;
    const held = this.#held;
    this.#held = "";
    if (state.kind === "head" && (state.isFirst || held.trim() !== "")) return textOf(state.opening + held);
    // White space behind the last call was between calls that did not come.
    if (state.kind === "text" && (this.#numCalls === 0 || held.trim() !== "")) return textOf(held);
    return [];
  }

  /** Does one thing with what is held; false when that takes more text. */
  #advance(events: ToolCallEvent[]): boolean {
    switch (this.#state.kind) {
      case "text":
        return this.#readText(events);
      case "head":
        return this.#readHead(events, this.#state);
      case "arguments":
        return this.#readArguments(events, this.#state);
      case "tail":
        return this.#readTail();
    }
  }

  #readText(events: ToolCallEvent[]): boolean {
    const { opening } = this.#syntax;
    const at = this.#held.indexOf(opening);
    if (at >= 0) {
      events.push(...textOf(this.#held.slice(0, at).trimEnd()));
      this.#goOn({ kind: "head", opening, isFirst: true }, at + opening.length);
      return true;
    }
    const certain = this.#held.slice(0, this.#held.length - heldBackLength(this.#held, opening)).trimEnd();
    events.push(...textOf(certain));
    this.#held = this.#held.slice(certain.length);
    return false;
  }

  #readHead(events: ToolCallEvent[], { opening, isFirst }: Extract<State, { kind: "head" }>): boolean {
    const head = this.#syntax.readHead(this.#held, isFirst);
    if (head.kind === "incomplete") return false;
    if (head.kind === "none") {
      events.push(...textOf(opening));
      this.#goOn({ kind: "text" }, 0);
      return true;
    }
    events.push({ kind: "callStart", call: this.#numCalls, name: head.name });
    this.#goOn({ kind: "arguments", extent: new JsonExtent() }, head.length);
    return true;
  }

  #readArguments(events: ToolCallEvent[], state: Extract<State, { kind: "arguments" }>): boolean {
    if (this.#held === "") return false;
    const { length, hasEnded } = state.extent.push(this.#held);
    events.push({ kind: "callArguments", call: this.#numCalls, text: this.#held.slice(0, length) });
    if (hasEnded) this.#numCalls += 1;
    this.#goOn(hasEnded ? { kind: "tail" } : state, length);
    return hasEnded;
  }

  #readTail(): boolean {
    const tail = this.#syntax.readTail(this.#held);
    if (tail.kind === "incomplete") return false;
    this.#goOn(tail.next === "text" ? { kind: "text" } : { kind: "head", opening: "", isFirst: false }, tail.length);
    return true;
  }

  #goOn(state: State, numRead: number): void {
    this.#state = state;
    this.#held = this.#held.slice(numRead);
  }
}

function textOf(text: string): ToolCallEvent[] {
  return text === "" ? [] : [{ kind: "text", text }];
}
