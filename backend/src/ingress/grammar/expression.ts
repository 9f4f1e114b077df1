// What a grammar's rules are made of: regular expressions over characters and other rules. How they are written for XGrammar
// is decided in one place, by what they match and not by how they were put together (see grammar-rules.ts).
import type { CharSet } from "./char-set.ts";
import { type Automaton, TooManyStates } from "./automaton/automaton.ts";

/** The name of a rule. */
export type RuleName = string & { readonly brand: "RuleName" };

export type Expression =
  | { readonly kind: "text"; readonly text: string }
  /** One character of the set, which is not empty. */
  | { readonly kind: "chars"; readonly set: CharSet }
  | { readonly kind: "sequence"; readonly parts: readonly Expression[] }
  /** At least one choice. */
  | { readonly kind: "choice"; readonly choices: readonly Expression[] }
  /** `max` is Infinity when there is no bound. */
  | { readonly kind: "repeat"; readonly part: Expression; readonly min: number; readonly max: number }
  | { readonly kind: "rule"; readonly name: RuleName }
  | { readonly kind: "automaton"; readonly automaton: Automaton };

/** Matches nothing but the empty text. */
export const empty: Expression = { kind: "sequence", parts: [] };

export function literal(text: string): Expression {
  return text === "" ? empty : { kind: "text", text };
}

/** @param set not empty. */
export function oneOfChars(set: CharSet): Expression {
  if (set.length === 0) throw new Error("a class of no characters");
  return { kind: "chars", set };
}

export function sequence(...parts: readonly Expression[]): Expression {
  const written = parts.filter((part) => part !== empty);
  const [first = empty, ...others] = written;
  return others.length === 0 ? first : { kind: "sequence", parts: written };
}

/** @param choices at least one. */
export function oneOf(choices: readonly Expression[]): Expression {
  const [first, ...others] = choices;
  if (first === undefined) throw new Error("a choice of nothing");
  return others.length === 0 ? first : { kind: "choice", choices };
}

/** Most texts of a tree that go on from one another: "a", "ab", "abc" and so on. */
const MAX_TREE_DEPTH = 256;

/** One of several texts, at least one, as a tree of what they have in common at their beginnings. @throws TooManyStates */
export function oneOfTexts(texts: readonly string[]): Expression {
  return radixTree(
    [...new Set(texts)].map((text) => Array.from(text)),
    0,
    0,
  );
}

/** @param texts that are the same before `at`. */
function radixTree(texts: readonly (readonly string[])[], at: number, depth: number): Expression {
  if (depth > MAX_TREE_DEPTH) throw new TooManyStates();
  const branches = Map.groupBy(texts, (text) => text[at] ?? "");
  const choices = [...branches].map(([first, branch]) => {
    if (first === "") return empty;
    const end = differAt(branch, at);
    const common = literal((branch[0] ?? []).slice(at, end).join(""));
    return branch.length === 1 ? common : sequence(common, radixTree(branch, end, depth + 1));
  });
  return oneOf(choices);
}

/** Up to where texts, at least one, are the same that are so before `at`. */
function differAt([one = [], ...others]: readonly (readonly string[])[], at: number): number {
  let end = at;
  while (end < one.length && others.every((other) => other[end] === one[end])) end += 1;
  return end;
}

export function optional(part: Expression): Expression {
  return repeat(part, 0, 1);
}

/** @param max Infinity is no bound. */
export function repeat(part: Expression, min: number, max: number): Expression {
  return max === 0 || part === empty ? empty : { kind: "repeat", part, min, max };
}
