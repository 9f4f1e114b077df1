import { type CharSet, everyChar } from "#ingress/grammar/char-set.ts";
import { type Expression, oneOf, oneOfChars, repeat, sequence } from "#ingress/grammar/expression.ts";
import { RegexRefusal } from "./parse-regex.ts";
import type { RegexNode } from "./regex-node.ts";

/** How one character of a set is written where the pattern applies. */
export type CharWriter = (set: CharSet) => Expression;

/** Most repetitions that a pattern may ask for, nested ones multiplied. */
const MAX_EXPANSION = 20_000;

/** A pattern as an expression. It must have no anchors: see `anchoredRegex`. @throws RegexRefusal */
export function lowerRegex(node: RegexNode, writeChar: CharWriter = oneOfChars): Expression {
  if (expansionOf(node) > MAX_EXPANSION) throw new RegexRefusal("its repetitions are too many");
  return lower(node, writeChar);
}

function lower(node: RegexNode, writeChar: CharWriter): Expression {
  switch (node.kind) {
    case "chars":
      return writeChar(node.set);
    case "sequence":
      return sequence(...node.parts.map((part) => lower(part, writeChar)));
    case "choice":
      return oneOf(node.choices.map((choice) => lower(choice, writeChar)));
    case "repeat":
      return repeat(lower(node.part, writeChar), node.min, node.max);
    case "start":
    case "end":
      throw new RegexRefusal("'^' and '$' are supported at the two ends only");
  }
}

/**
 * The pattern without its anchors, for a match of the whole text: where there is none, any text may come before or after.
 *
 * @param isWhole whether the pattern means the whole text of itself, as `guided_regex` has it; anchors then change nothing.
 */
export function anchoredRegex(node: RegexNode, isWhole: boolean): RegexNode {
  if (node.kind === "choice") {
    return { kind: "choice", choices: node.choices.map((choice) => anchoredRegex(choice, isWhole)) };
  }
  const parts = node.kind === "sequence" ? node.parts : [node];
  const hasStart = parts[0]?.kind === "start";
  const hasEnd = parts.length > (hasStart ? 1 : 0) && parts.at(-1)?.kind === "end";
  const inner = parts.slice(hasStart ? 1 : 0, hasEnd ? -1 : undefined);
  const anything: RegexNode = { kind: "repeat", part: { kind: "chars", set: everyChar }, min: 0, max: Infinity };
  const before = isWhole || hasStart ? [] : [anything];
  const after = isWhole || hasEnd ? [] : [anything];
  return { kind: "sequence", parts: [...before, ...inner, ...after] };
}

function expansionOf(node: RegexNode): number {
  switch (node.kind) {
    case "sequence":
      return node.parts.reduce((sum, part) => sum + expansionOf(part), 1);
    case "choice":
      return node.choices.reduce((sum, choice) => sum + expansionOf(choice), 1);
    case "repeat":
      return expansionOf(node.part) * Math.max(1, node.max === Infinity ? node.min : node.max);
    case "chars":
    case "start":
    case "end":
      return 1;
  }
}
