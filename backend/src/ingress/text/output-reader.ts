import type { ReasoningReader } from "./reasoning/reasoning-reader.ts";
import type { ToolCallEvent, ToolCallParser } from "./tool-calls/tool-call-event.ts";

/** What an output says, once thoughts and calls are told from its text. */
export type OutputEvent = ToolCallEvent | { readonly kind: "reasoning"; readonly text: string };

/** Reads one output as it comes: first what the model thinks, then text and calls. */
export class OutputReader {
  readonly #reasoning: ReasoningReader | undefined;
  readonly #calls: ToolCallParser | undefined;

  /** Without a reader of its own either stays text. */
  constructor(reasoning: ReasoningReader | undefined, calls: ToolCallParser | undefined) {
    this.#reasoning = reasoning;
    this.#calls = calls;
  }

  /** What became certain. */
  push(text: string): OutputEvent[] {
    return this.#reasoning === undefined ? this.#readText(text) : this.#readPieces(this.#reasoning.push(text));
  }

  /** What was held back, when the output ends. */
  end(): OutputEvent[] {
    const last = this.#reasoning === undefined ? [] : this.#readPieces(this.#reasoning.end());
    return [...last, ...(this.#calls?.end() ?? [])];
  }

  #readPieces(pieces: ReturnType<ReasoningReader["push"]>): OutputEvent[] {
    return pieces.flatMap(({ kind, text }) => (kind === "text" ? this.#readText(text) : [{ kind, text }]));
  }

  #readText(text: string): OutputEvent[] {
    return this.#calls === undefined ? [{ kind: "text", text }] : this.#calls.push(text);
  }
}
