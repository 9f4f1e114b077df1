import { charsOf, complement, controlChars, intersect, listChars, subtract, union } from "#ingress/grammar/char-set.ts";
import { empty, type Expression, oneOf, oneOfChars, repeat, sequence } from "#ingress/grammar/expression.ts";
import { quote } from "#ingress/grammar/json-text.ts";

/** Keys are written without escapes, so that each is written in one way only. */
const keyChars = complement(union([...controlChars, ...charsOf('"\\')]));

/** A JSON string that is none of the names: a tree of their characters, in which every way out but theirs is open. */
export function otherKeys(names: readonly string[]): Expression {
  return sequence(quote, tailsExcept(names.map((name) => Array.from(name))), quote);
}

/** What none of the tails is. */
function tailsExcept(tails: readonly (readonly string[])[]): Expression {
  const anything = repeat(oneOfChars(keyChars), 0, Infinity);
  if (tails.length === 0) return anything;
  const byNext = Map.groupBy(
    tails.filter((tail) => tail.length > 0),
    ([next = ""]) => next,
  );
  const nexts = intersect(charsOf([...byNext.keys()].join("")), keyChars);
  return oneOf([
    sequence(oneOfChars(subtract(keyChars, nexts)), anything),
    ...listChars(nexts).map((next) =>
      sequence(oneOfChars(charsOf(next)), tailsExcept((byNext.get(next) ?? []).map((tail) => tail.slice(1)))),
    ),
    ...(tails.some((tail) => tail.length === 0) ? [] : [empty]),
  ]);
}
