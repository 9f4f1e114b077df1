import { charsOf, complement, subtract, union } from "#ingress/grammar/char-set.ts";
import { charClass, empty, type Expression, oneOf, repeat, sequence } from "#ingress/grammar/ebnf.ts";
import { controlChars } from "#ingress/grammar/char-set.ts";
import { quote } from "#ingress/grammar/json-text.ts";

/** Keys are written without escapes, so that each is written in one way only. */
const keyChars = complement(union([...controlChars, ...charsOf('"\\')]));
/** Beyond ASCII all characters or none: a name's other characters are cut off from where such a one stands. */
const asciiKeyChars = subtract(keyChars, [[0x80, 0x10ffff]]);

/** A JSON string that is none of the names: a tree of their characters, in which every way out but theirs is open. */
export function otherKeys(names: readonly string[]): Expression {
  return sequence(quote, tailsExcept(names, 0), quote);
}

/** What may follow the first `depth` characters that the names share. */
function tailsExcept(names: readonly string[], depth: number): Expression {
  const anything = repeat(charClass(keyChars) ?? empty, 0, Infinity);
  if (names.length === 0) return anything;
  const byNext = Map.groupBy(
    names.filter((name) => name.length > depth),
    (name) => String.fromCodePoint(name.codePointAt(depth) ?? 0),
  );
  const nexts = [...byNext.keys()];
  const isAscii = nexts.every((next) => next <= "\u007f");
  const free = charClass(subtract(isAscii ? keyChars : asciiKeyChars, charsOf(nexts.join(""))));
  const choices = nexts
    .filter((next) => next <= "\u007f" && !'"\\'.includes(next) && next >= " ")
    .map((next) => sequence(charClass(charsOf(next)) ?? empty, tailsExcept(byNext.get(next) ?? [], depth + 1)));
  if (free !== undefined) choices.push(sequence(free, anything));
  if (!names.some((name) => name.length === depth)) choices.push(empty);
  return oneOf(choices);
}
