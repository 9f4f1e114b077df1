// Hermes, Qwen 2.5 and 3, and the pocket model: <tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>, one after another.
// Source: NousResearch/Hermes-Function-Calling, README; the chat templates of Qwen.
import { JsonExtent } from "./json-extent.ts";
import type { ToolCallEvent, ToolCallParser } from "./tool-call-event.ts";

const opening = "<tool_call>";
const closing = "</tool_call>";
/** What comes before the arguments, in the order in which the models write it. */
const head = /^\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\{)/;
/** A head that is longer than this is none. */
const maxHeadLength = 512;

type State =
  | { readonly kind: "text" }
  /** Between the opening and the arguments; `held` is what came. */
  | { readonly kind: "head" }
  | { readonly kind: "arguments"; readonly extent: JsonExtent }
  /** Behind the arguments, before the closing. */
  | { readonly kind: "tail" };

/**
 * Arguments are told as they come. A call that is written otherwise (say, with the arguments first) stays text, as the
 * model wrote it; white space before a call is part of neither.
 */
export class HermesParser implements ToolCallParser {
  #state: State = { kind: "text" };
  #held = "";
  #numCalls = 0;

  push(text: string): ToolCallEvent[] {
    this.#held += text;
    const events: ToolCallEvent[] = [];
    while (this.#advance(events));
    return events;
  }

  end(): ToolCallEvent[] {
    const { kind } = this.#state;
    const held = this.#held;
    this.#held = "";
    if (kind === "head") return textOf(opening + held);
    // White space behind the last call was between calls that did not come.
    if (kind === "text" && (this.#numCalls === 0 || held.trim() !== "")) return textOf(held);
    return [];
  }

  /** Does one thing with what is held; false when that takes more text. */
  #advance(events: ToolCallEvent[]): boolean {
    switch (this.#state.kind) {
      case "text":
        return this.#readText(events);
      case "head":
        return this.#readHead(events);
      case "arguments":
        return this.#readArguments(events, this.#state.extent);
      case "tail": {
        const at = this.#held.indexOf(closing);
        if (at < 0) return false;
        this.#goOn({ kind: "text" }, at + closing.length);
        return true;
      }
    }
  }

  #readText(events: ToolCallEvent[]): boolean {
    const at = this.#held.indexOf(opening);
    if (at >= 0) {
      events.push(...textOf(this.#held.slice(0, at).trimEnd()));
      this.#goOn({ kind: "head" }, at + opening.length);
      return true;
    }
    const certain = this.#held.slice(0, this.#held.length - numHeldBack(this.#held)).trimEnd();
    events.push(...textOf(certain));
    this.#held = this.#held.slice(certain.length);
    return false;
  }

  #readHead(events: ToolCallEvent[]): boolean {
    const found = head.exec(this.#held);
    if (found !== null) {
      const name: unknown = parseString(found[1] ?? "");
      if (typeof name === "string") {
        events.push({ kind: "callStart", call: this.#numCalls, name });
        this.#goOn({ kind: "arguments", extent: new JsonExtent() }, found[0].length);
        return true;
      }
    }
    const end = this.#held.indexOf(closing);
    if (end < 0 && this.#held.length <= maxHeadLength) return false;
    const length = end < 0 ? this.#held.length : end + closing.length;
    events.push(...textOf(opening + this.#held.slice(0, length)));
    this.#goOn({ kind: "text" }, length);
    return true;
  }

  #readArguments(events: ToolCallEvent[], extent: JsonExtent): boolean {
    if (this.#held === "") return false;
    const { length, hasEnded } = extent.push(this.#held);
    events.push({ kind: "callArguments", call: this.#numCalls, text: this.#held.slice(0, length) });
    if (hasEnded) this.#numCalls += 1;
    this.#goOn(hasEnded ? { kind: "tail" } : this.#state, length);
    return hasEnded;
  }

  #goOn(state: State, numRead: number): void {
    this.#state = state;
    this.#held = this.#held.slice(numRead);
  }
}

function textOf(text: string): ToolCallEvent[] {
  return text === "" ? [] : [{ kind: "text", text }];
}

/** Length of the longest end of the text that the opening begins with. */
function numHeldBack(text: string): number {
  for (let length = Math.min(opening.length - 1, text.length); length > 0; length -= 1) {
    if (opening.startsWith(text.slice(text.length - length))) return length;
  }
  return 0;
}

function parseString(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
