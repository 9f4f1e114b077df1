import { heldBackLength } from "#ingress/text/held-back.ts";
import type { ReasoningFormat, ReasoningStart } from "./reasoning-format.ts";

export interface ReasoningPiece {
  readonly kind: "reasoning" | "text";
  /** Not empty. */
  readonly text: string;
}

/** Tells what a model thinks from what it says, as its output comes. The white space around a thought is part of neither. */
export class ReasoningReader {
  readonly #format: ReasoningFormat;
  #state: "undecided" | "inside" | "behind" | "saying";
  /** Whether something of the thought was given out. */
  #hasThought = false;
  #hasReasoned: boolean;
  #held = "";

  constructor(format: ReasoningFormat, start: ReasoningStart) {
    this.#format = format;
    this.#state = start;
    this.#hasReasoned = start === "inside";
  }

  /** Whether the output, as far as it came, is or may be a thought. */
  get mayReason(): boolean {
    return this.#state === "undecided" || this.#state === "inside";
  }

  /** Whether there is or was one. */
  get hasReasoned(): boolean {
    return this.#hasReasoned;
  }

  /** What became certain. */
  push(text: string): ReasoningPiece[] {
    this.#held += text;
    const pieces: ReasoningPiece[] = [];
    while (this.#advance(pieces));
    return pieces;
  }

  /** What was held back, when the output ends. A thought that is not closed was one. */
  end(): ReasoningPiece[] {
    const isThought = this.#state === "inside";
    const text = isThought ? this.#trimStart(this.#held).trimEnd() : this.#state === "behind" ? "" : this.#held;
    this.#held = "";
    return piecesOf(isThought ? "reasoning" : "text", text);
  }

  /** Does one thing with what is held; false when that takes more text. */
  #advance(pieces: ReasoningPiece[]): boolean {
    switch (this.#state) {
      case "undecided":
        return this.#decide();
      case "inside":
        return this.#readThought(pieces);
      case "behind":
        this.#held = this.#held.trimStart();
        return this.#goOn("saying", 0, this.#held !== "");
      case "saying":
        pieces.push(...piecesOf("text", this.#held));
        this.#held = "";
        return false;
    }
  }

  #decide(): boolean {
    const { opening } = this.#format;
    const begun = this.#held.trimStart();
    if (begun.startsWith(opening)) return this.#goOn("inside", this.#held.length - begun.length + opening.length);
    return this.#goOn("saying", 0, !opening.startsWith(begun));
  }

  #readThought(pieces: ReasoningPiece[]): boolean {
    const { closing } = this.#format;
    const at = this.#held.indexOf(closing);
    const end = at >= 0 ? at : this.#held.length - heldBackLength(this.#held, closing);
    const certain = this.#held.slice(0, end).trimEnd();
    const text = this.#trimStart(certain);
    if (text !== "") this.#hasThought = true;
    pieces.push(...piecesOf("reasoning", text));
    if (at >= 0) return this.#goOn("behind", at + closing.length);
    this.#held = this.#held.slice(certain.length);
    return false;
  }

  #trimStart(thought: string): string {
    return this.#hasThought ? thought : thought.trimStart();
  }

  #goOn(state: "inside" | "behind" | "saying", numRead: number, does = true): boolean {
    if (!does) return false;
    if (state === "inside") this.#hasReasoned = true;
    this.#state = state;
    this.#held = this.#held.slice(numRead);
    return true;
  }
}

function piecesOf(kind: ReasoningPiece["kind"], text: string): ReasoningPiece[] {
  return text === "" ? [] : [{ kind, text }];
}
