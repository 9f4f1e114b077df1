// Writes grammars in XGrammar's EBNF (docs/tutorials/ebnf of mlc-ai/xgrammar), and in no more of it than was found to mean
// what it says. In 0.1.27 a character class that names characters beyond ASCII matches something else; a negated class of
// ASCII characters rightly takes all others, and literals are right. Hence `charClass`. Alternatives that begin or end alike
// may let through what none of them is: `"ca" | "aaa" | "aab"` takes `cb` (mlc-ai/xgrammar #618). Hence `oneOfTexts`.
import { beyondAscii, type CharSet, complement, countChars, intersect, listChars, subtract } from "./char-set.ts";

/** A piece of the right-hand side of a rule, safe to stand anywhere in one. */
export type Expression = string & { readonly brand: "Expression" };

/** Most characters beyond ASCII that a class may list; each becomes an alternative. */
const MAX_LISTED_CHARS = 1024;

const ascii: CharSet = [[0, 0x7f]];

/** Matches nothing but the empty text. */
export const empty = '""' as Expression;

export function literal(text: string): Expression {
  return `"${Array.from(text, escapeChar).join("")}"` as Expression;
}

/** One character of a set. Undefined when the set cannot be written: it has many characters beyond ASCII, but not all. */
export function charClass(set: CharSet): Expression | undefined {
  const far = intersect(set, beyondAscii);
  const near = intersect(set, ascii);
  if (countChars(far) === countChars(beyondAscii)) return classOf(intersect(complement(set), ascii), "^");
  if (countChars(far) > MAX_LISTED_CHARS) return undefined;
  return oneOf([...(near.length > 0 ? [classOf(near)] : []), ...listChars(far).map(literal)]);
}

export function sequence(...parts: readonly Expression[]): Expression {
  const written = parts.filter((part) => part !== empty);
  if (written.length === 0) return empty;
  return (written.length === 1 ? written[0] : `(${written.join(" ")})`) as Expression;
}

/** @param choices at least one. */
export function oneOf(choices: readonly Expression[]): Expression {
  const distinct = [...new Set(choices)];
  if (distinct.length === 0) throw new Error("a choice of nothing");
  return (distinct.length === 1 ? distinct[0] : `(${distinct.join(" | ")})`) as Expression;
}

/** One of several texts, at least one, written so that no two alternatives begin alike: a radix tree. */
export function oneOfTexts(texts: readonly string[]): Expression {
  // By character, since a literal cannot hold half of one.
  return radixTree([...new Set(texts)].map((text) => Array.from(text)));
}

function radixTree(texts: readonly (readonly string[])[]): Expression {
  const branches = Map.groupBy(texts, ([first = ""]) => first);
  const choices = [...branches].map(([first, branch]) => {
    if (first === "") return empty;
    const length = lengthInCommon(branch);
    return sequence(
      literal((branch[0] ?? []).slice(0, length).join("")),
      radixTree(branch.map((text) => text.slice(length))),
    );
  });
  return oneOf(choices);
}

/** @param texts at least one. */
function lengthInCommon([shortest = [], ...others]: readonly (readonly string[])[]): number {
  const differsAt = shortest.findIndex((char, index) => others.some((other) => other[index] !== char));
  return differsAt === -1 ? shortest.length : differsAt;
}

export function optional(part: Expression): Expression {
  return part === empty ? empty : (`(${part})?` as Expression);
}

/** @param max Infinity is no bound. */
export function repeat(part: Expression, min: number, max: number): Expression {
  if (max === 0 || part === empty) return empty;
  if (min === 1 && max === 1) return part;
  if (max === Infinity && min <= 1) return `(${part})${min === 0 ? "*" : "+"}` as Expression;
  return `(${part}){${min},${max === Infinity ? "" : max}}` as Expression;
}

/** The named rules of one grammar. Rules may refer to each other, and to themselves behind something else. */
export class GrammarRules {
  readonly #bodies = new Map<string, Expression>();
  /** key -> name, for rules that are asked for more than once. */
  readonly #names = new Map<string, Expression>();
  #numRules = 0;

  /** A new rule. */
  add(body: Expression): Expression {
    const name = this.#newName();
    this.#bodies.set(name, body);
    return name;
  }

  /** The rule of that key; `write` is called for its body the first time, and may ask for the same key. */
  shared(key: string, write: () => Expression): Expression {
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = this.#newName();
    this.#names.set(key, name);
    this.#bodies.set(name, write());
    return name;
  }

  /** The whole grammar, which matches `root`. */
  toText(root: Expression): string {
    return [["root", root], ...this.#bodies].map(([name, body]) => `${name} ::= ${body}\n`).join("");
  }

  #newName(): Expression {
    this.#numRules += 1;
    return `r${this.#numRules}` as Expression;
  }
}

function classOf(set: CharSet, negation: "" | "^" = ""): Expression {
  // An empty negated class is every character.
  const ranges = set.length === 0 ? [] : subtract(set, []).map(([first, last]) => rangeOf(first, last));
  if (ranges.length === 0 && negation === "^") return "([\\u0000-\\u007f] | [^\\u0000-\\u007f])" as Expression;
  return `[${negation}${ranges.join("")}]` as Expression;
}

function rangeOf(first: number, last: number): string {
  const [from, to] = [escapeCode(first), escapeCode(last)];
  return first === last ? from : `${from}-${to}`;
}

function escapeChar(char: string): string {
  return /[ !#-[\]-~]/.test(char) ? char : escapeCode(char.codePointAt(0) ?? 0);
}

function escapeCode(code: number): string {
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
