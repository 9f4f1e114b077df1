import { type Expression, oneOf, repeat, sequence } from "./expression.ts";
import type { GrammarRules } from "./grammar-rules.ts";

/** Repetitions that an automaton counts by itself: it has a state, and a mask, for each. */
const BLOCK = 64;

/**
 * What `repeat` matches, with two states for a count at most instead of one for each: some blocks of so many, and a rest of
 * less than a block. Both are rules, so that every block is the same one.
 *
 * @param part not of the empty text.
 */
export function repeatInBlocks(part: Expression, min: number, max: number, rules: GrammarRules): Expression {
  if ((max === Infinity ? min : max) <= 2 * BLOCK) return repeat(part, min, max);
  const block = rules.add(repeat(part, BLOCK, BLOCK));
  const rest = (from: number, to: number): Expression => rules.add(repeat(part, from, to));
  const [numLeast, least] = [Math.floor(min / BLOCK), min % BLOCK];
  if (max === Infinity) return sequence(repeat(block, numLeast, numLeast), rest(least, Infinity));
  const [numMost, most] = [Math.floor(max / BLOCK), max % BLOCK];
  if (numLeast === numMost) return sequence(repeat(block, numLeast, numLeast), rest(least, most));
  const choices = [
    sequence(repeat(block, numLeast, numLeast), rest(least, BLOCK - 1)),
    sequence(repeat(block, numMost, numMost), rest(0, most)),
  ];
  if (numLeast + 1 < numMost) choices.push(sequence(repeat(block, numLeast + 1, numMost - 1), rest(0, BLOCK - 1)));
  return oneOf(choices);
}
