import { TooManyStates } from "#ingress/grammar/automaton/automaton.ts";
import { charsOf, complement, controlChars, intersect, listChars, subtract, union } from "#ingress/grammar/char-set.ts";
import { empty, type Expression, oneOf, oneOfChars, repeat, sequence } from "#ingress/grammar/expression.ts";
import { quote } from "#ingress/grammar/json-text.ts";

/** Keys are written without escapes, so that each is written in one way only. */
const keyChars = complement(union([...controlChars, ...charsOf('"\\')]));

/** Of a name that others are told from, in characters. */
const MAX_NAME_LENGTH = 256;

/** A JSON string that is none of the names: a tree of their characters, in which every way out but theirs is open. @throws TooManyStates */
export function otherKeys(names: readonly string[]): Expression {
  if (names.some((name) => name.length > MAX_NAME_LENGTH)) throw new TooManyStates();
  return sequence(
    quote,
    tailsExcept(
      names.map((name) => Array.from(name)),
      0,
    ),
    quote,
  );
}

/** What the names, which are the same before `at`, do not go on with there. */
function tailsExcept(names: readonly (readonly string[])[], at: number): Expression {
  const anything = repeat(oneOfChars(keyChars), 0, Infinity);
  if (names.length === 0) return anything;
  const byNext = Map.groupBy(
    names.filter((name) => name.length > at),
    (name) => name[at] ?? "",
  );
  const nexts = intersect(charsOf([...byNext.keys()].join("")), keyChars);
  return oneOf([
    sequence(oneOfChars(subtract(keyChars, nexts)), anything),
    ...listChars(nexts).map((next) => sequence(oneOfChars(charsOf(next)), tailsExcept(byNext.get(next) ?? [], at + 1))),
    ...(names.some((name) => name.length === at) ? [] : [empty]),
  ]);
}
