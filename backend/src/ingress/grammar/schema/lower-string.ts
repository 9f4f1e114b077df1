import { type Automaton, matchesNothing, TooManyStates } from "#ingress/grammar/automaton/automaton.ts";
import type { Effort } from "#ingress/grammar/automaton/effort.ts";
import { intersect } from "#ingress/grammar/automaton/intersect.ts";
import { everyChar } from "#ingress/grammar/char-set.ts";
import { type Expression, repeat, sequence } from "#ingress/grammar/expression.ts";
import { automatonOf, type GrammarRules } from "#ingress/grammar/grammar-rules.ts";
import { anyJsonChar, anyJsonString, jsonChar, plainJsonChar, quote } from "#ingress/grammar/json-text.ts";
import { repeatInBlocks } from "#ingress/grammar/repeat-in-blocks.ts";
import { anchoredRegex, lowerRegex } from "#ingress/grammar/regex/lower-regex.ts";
import { parseRegex, RegexRefusal } from "#ingress/grammar/regex/parse-regex.ts";
import { regexLengths } from "#ingress/grammar/regex/regex-lengths.ts";
import type { RegexNode } from "#ingress/grammar/regex/regex-node.ts";
import type { SchemaObject } from "./keywords.ts";
import { below, invalidSchema, type SchemaPath, unsupportedKeyword } from "./schema-refusal.ts";
import { stringFormats } from "./string-formats.ts";

/** Strings of a longer count are written without escapes: those cost three times as much to compile. */
const MAX_ESCAPED_LENGTH = 64;

/** Undefined when no string is valid. */
export function lowerString(schema: SchemaObject, rules: GrammarRules, path: SchemaPath): Expression | undefined {
  const min = Number(schema["minLength"] ?? 0);
  const max = Number(schema["maxLength"] ?? Infinity);
  if (max < min) return undefined;
  const patterns = [readPattern(schema["pattern"], path), readFormat(schema["format"], path)].filter(
    (part) => part !== undefined,
  );
  if (patterns.length > 0) return lowerPatterns(patterns, { min, max }, rules.effort, path);
  if (min === 0 && max === Infinity) return anyJsonString(rules);
  const counted = max === Infinity ? min : max;
  const char = counted > MAX_ESCAPED_LENGTH ? plainJsonChar : anyJsonChar;
  return rules.add(sequence(quote, repeatInBlocks(char, min, max, rules), quote));
}

interface Pattern {
  readonly keyword: "pattern" | "format";
  readonly node: RegexNode;
}

function readPattern(pattern: unknown, path: SchemaPath): Pattern | undefined {
  if (typeof pattern !== "string") return undefined;
  try {
    // ECMA-262 has the last word on what is a pattern.
    void new RegExp(pattern, "u");
    return { keyword: "pattern", node: anchoredRegex(parseRegex(pattern), false) };
  } catch (thrown) {
    throw refusedPattern(thrown instanceof RegexRefusal ? thrown.message : "it is malformed", "pattern", path);
  }
}

function readFormat(format: unknown, path: SchemaPath): Pattern | undefined {
  if (typeof format !== "string") return undefined;
  const source = stringFormats.get(format);
  if (source === undefined) throw unsupportedKeyword("format", path, "is not supported with this value");
  return { keyword: "format", node: anchoredRegex(parseRegex(source), true) };
}

/** Strings that match all patterns and are of a length. */
function lowerPatterns(
  patterns: readonly Pattern[],
  { min, max }: { readonly min: number; readonly max: number },
  effort: Effort,
  path: SchemaPath,
): Expression | undefined {
  const automata = patterns.map(({ keyword, node }) =>
    attempt(keyword, path, () => automatonOf(lowerInString(node), effort)),
  );
  const lengths = patterns.map(({ node }) => regexLengths(node));
  const longest = Math.min(...lengths.map((each) => each.max));
  const isWithin = Math.max(...lengths.map((each) => each.min)) >= min && longest <= max;
  if (!isWithin) {
    const keyword = min > 0 ? "minLength" : "maxLength";
    const anyOfLength = repeat(jsonChar(everyChar), min, longest <= max ? Infinity : max);
    automata.push(attempt(keyword, path, () => automatonOf(anyOfLength, effort)));
  }
  const { keyword } = patterns[0] ?? { keyword: "pattern" };
  const automaton = attempt(keyword, path, () => automata.reduce((all, each) => intersect(all, each, effort)));
  return matchesNothing(automaton) ? undefined : sequence(quote, { kind: "automaton", automaton }, quote);
}

function lowerInString(node: RegexNode): Expression {
  return lowerRegex(node, jsonChar);
}

function attempt(keyword: string, path: SchemaPath, build: () => Automaton): Automaton {
  try {
    return build();
  } catch (thrown) {
    if (thrown instanceof TooManyStates || thrown instanceof RegexRefusal) {
      throw refusedPattern(thrown.message, keyword, path);
    }
    throw thrown;
  }
}

function refusedPattern(why: string, keyword: string, path: SchemaPath): Error {
  return invalidSchema(below(path, keyword), `the pattern cannot be used: ${why}`);
}
