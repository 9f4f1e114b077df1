import { type CharSet, charsOf, complement, union } from "#ingress/grammar/char-set.ts";
import { anyButLineEnd, charEscapes, classEscapes } from "./char-escapes.ts";
import type { RegexNode } from "./regex-node.ts";

/** Why a pattern is refused. The text is ours and holds nothing of the pattern. */
export class RegexRefusal extends Error {}

const MAX_NESTING = 64;
const MAX_REPEATS = 10_000;

/**
 * Parses the part of ECMA-262's regular expressions (with the u flag) that is regular: characters, classes, groups,
 * alternatives, quantifiers (lazy ones match the same texts) and anchors.
 *
 * @throws RegexRefusal for look-around, back-references, word boundaries, property escapes, and what is malformed.
 */
export function parseRegex(pattern: string): RegexNode {
  return new RegexParser(pattern).parse();
}

class RegexParser {
  readonly #chars: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(pattern: string) {
    this.#chars = Array.from(pattern);
  }

  parse(): RegexNode {
    const node = this.#parseChoice();
    if (this.#at < this.#chars.length) throw new RegexRefusal("a parenthesis is not opened");
    return node;
  }

  #parseChoice(): RegexNode {
    this.#depth += 1;
    if (this.#depth > MAX_NESTING) throw new RegexRefusal("groups are nested too deeply");
    const choices = [this.#parseSequence()];
    while (this.#take("|")) choices.push(this.#parseSequence());
    this.#depth -= 1;
    return choices.length === 1 && choices[0] !== undefined ? choices[0] : { kind: "choice", choices };
  }

  #parseSequence(): RegexNode {
    const parts: RegexNode[] = [];
    for (let next = this.#peek(); next !== undefined && next !== "|" && next !== ")"; next = this.#peek()) {
      parts.push(this.#parseQuantified());
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: "sequence", parts };
  }

  #parseQuantified(): RegexNode {
    const part = this.#parseAtom();
    const bounds = this.#parseQuantifier();
    if (bounds === undefined) return part;
    if (part.kind === "start" || part.kind === "end") throw new RegexRefusal("an anchor cannot be repeated");
    this.#take("?");
    if (["*", "+", "?", "{"].includes(this.#peek() ?? "")) throw new RegexRefusal("a quantifier follows a quantifier");
    return { kind: "repeat", part, ...bounds };
  }

  #parseQuantifier(): { min: number; max: number } | undefined {
    if (this.#take("*")) return { min: 0, max: Infinity };
    if (this.#take("+")) return { min: 1, max: Infinity };
    if (this.#take("?")) return { min: 0, max: 1 };
    if (!this.#take("{")) return undefined;
    const min = this.#parseCount();
    const max = this.#take(",") ? (this.#peek() === "}" ? Infinity : this.#parseCount()) : min;
    if (!this.#take("}") || max < min) throw new RegexRefusal("a quantifier is malformed");
    return { min, max };
  }

  #parseCount(): number {
    let digits = "";
    while (/^\d$/.test(this.#peek() ?? "")) digits += this.#next();
    if (digits === "") throw new RegexRefusal("a quantifier is malformed");
    if (Number(digits) > MAX_REPEATS) throw new RegexRefusal(`a quantifier is larger than ${MAX_REPEATS}`);
    return Number(digits);
  }

  #parseAtom(): RegexNode {
    const char = this.#next();
    switch (char) {
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "end" };
      case ".":
        return { kind: "chars", set: anyButLineEnd };
      case "(":
        return this.#parseGroup();
      case "[":
        return { kind: "chars", set: this.#parseClass() };
      case "\\":
        return { kind: "chars", set: this.#parseEscape(false) };
      case "*":
      case "+":
      case "?":
      case "{":
      case "}":
      case "]":
        throw new RegexRefusal("a quantifier or bracket stands alone");
      default:
        return { kind: "chars", set: charsOf(char) };
    }
  }

  #parseGroup(): RegexNode {
    if (this.#take("?")) {
      const isNamed = this.#peek() === "<" && !["=", "!"].includes(this.#chars[this.#at + 1] ?? "");
      if (isNamed) while (this.#next() !== ">");
      else if (!this.#take(":")) throw new RegexRefusal("look-around and inline flags are not supported");
    }
    const node = this.#parseChoice();
    if (!this.#take(")")) throw new RegexRefusal("a parenthesis is not closed");
    return node;
  }

  #parseClass(): CharSet {
    const isNegated = this.#take("^");
    const ranges: (readonly [number, number])[] = [];
    while (!this.#take("]")) {
      const first = this.#parseClassAtom();
      if (this.#peek() === "-" && this.#chars[this.#at + 1] !== "]") {
        this.#next();
        ranges.push([codeOf(first), codeOf(this.#parseClassAtom())]);
      } else {
        ranges.push(...first);
      }
    }
    if (ranges.some(([first, last]) => first > last)) throw new RegexRefusal("a range in a class is out of order");
    const set = union(ranges);
    const result = isNegated ? complement(set) : set;
    if (result.length === 0) throw new RegexRefusal("a class is empty");
    return result;
  }

  #parseClassAtom(): CharSet {
    const char = this.#next();
    return char === "\\" ? this.#parseEscape(true) : charsOf(char);
  }

  #parseEscape(inClass: boolean): CharSet {
    const char = this.#next();
    const known = classEscapes[char];
    if (known !== undefined) return known;
    const control = charEscapes[char];
    if (control !== undefined) return charsOf(control);
    if (char === "0" && !/^\d$/.test(this.#peek() ?? "")) return charsOf("\0");
    if (char === "x") return charsOf(this.#parseHex(2));
    if (char === "u") return charsOf(this.#parseUnicode());
    if (inClass && char === "b") return charsOf("\b");
    if (/^[a-zA-Z0-9]$/.test(char)) {
      throw new RegexRefusal("back-references, boundaries and property escapes are not supported");
    }
    return charsOf(char);
  }

  #parseUnicode(): string {
    if (!this.#take("{")) {
      const unit = this.#parseHex(4);
      const isHigh = /^[\ud800-\udbff]$/.test(unit);
      if (isHigh && this.#take("\\") && this.#take("u")) return wellFormed(unit + this.#parseHex(4));
      return wellFormed(unit);
    }
    let hex = "";
    while (this.#peek() !== "}") hex += this.#next();
    this.#next();
    const code = Number.parseInt(hex, 16);
    if (!/^[0-9a-fA-F]{1,6}$/.test(hex) || code > 0x10ffff) throw new RegexRefusal("an escape is malformed");
    return wellFormed(String.fromCodePoint(code));
  }

  #parseHex(length: number): string {
    let hex = "";
    for (let index = 0; index < length; index += 1) hex += this.#next();
    if (!/^[0-9a-fA-F]+$/.test(hex)) throw new RegexRefusal("an escape is malformed");
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #next(): string {
    const char = this.#chars[this.#at];
    if (char === undefined) throw new RegexRefusal("it ends too early");
    this.#at += 1;
    return wellFormed(char);
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at += 1;
    return true;
  }
}

/** The only character of a set, as the end of a range. */
function codeOf(set: CharSet): number {
  const [range] = set;
  if (set.length !== 1 || range === undefined || range[0] !== range[1]) {
    throw new RegexRefusal("a range in a class must be between two characters");
  }
  return range[0];
}

function wellFormed(text: string): string {
  if (!text.isWellFormed()) throw new RegexRefusal("a surrogate stands alone");
  return text;
}
