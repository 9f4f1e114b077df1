import { charsOf, complement, subtract } from "./char-set.ts";
import { type Expression, literal, oneOf, oneOfChars, repeat, sequence } from "./expression.ts";

/**
 * Any text in which a word does not stand. Each beginning of the word goes on with something else: with another such beginning,
 * or a character that neither continues it nor begins the word.
 *
 * @param word ASCII, of at least two characters, the first of which is nowhere else in it.
 */
export function textWithout(word: string): Expression {
  const first = word.slice(0, 1);
  const others = complement(charsOf(first));
  const beginnings = Array.from({ length: word.length - 1 }, (_, index) => word.slice(0, index + 1));
  const anyBeginning = oneOf(beginnings.map(literal));
  const breaks = beginnings.map((beginning) => {
    const next = word.slice(beginning.length, beginning.length + 1);
    return sequence(literal(beginning), oneOfChars(subtract(others, charsOf(next))));
  });
  const interrupted = sequence(repeat(anyBeginning, 0, Infinity), oneOf(breaks));
  const free = repeat(oneOf([oneOfChars(others), interrupted]), 0, Infinity);
  return sequence(free, repeat(anyBeginning, 0, Infinity));
}
