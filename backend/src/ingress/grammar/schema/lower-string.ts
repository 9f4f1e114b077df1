import { type Expression, type GrammarRules, repeat, sequence } from "#ingress/grammar/ebnf.ts";
import { anyJsonChar, anyJsonString, jsonChar, plainJsonChar, quote } from "#ingress/grammar/json-text.ts";
import { limitLength } from "#ingress/grammar/regex/limit-length.ts";
import { anchoredRegex, lowerRegex } from "#ingress/grammar/regex/lower-regex.ts";
import { parseRegex, RegexRefusal } from "#ingress/grammar/regex/parse-regex.ts";
import type { RegexNode } from "#ingress/grammar/regex/regex-node.ts";
import type { SchemaObject } from "./keywords.ts";
import { below, invalidSchema, type SchemaPath, unsupportedKeyword } from "./schema-refusal.ts";
import { stringFormats } from "./string-formats.ts";

/** Strings of a longer count are written without escapes: those cost three times as much to compile, and a millisecond a token. */
const MAX_ESCAPED_LENGTH = 64;

/** Undefined when no string is short and long enough. */
export function lowerString(schema: SchemaObject, rules: GrammarRules, path: SchemaPath): Expression | undefined {
  const min = Number(schema["minLength"] ?? 0);
  const max = Number(schema["maxLength"] ?? Infinity);
  const pattern = schema["pattern"];
  const format = schema["format"];
  if (max < min) return undefined;
  if (typeof pattern === "string") {
    if (format !== undefined) throw unsupportedKeyword("format", path, "is not supported together with 'pattern'");
    const node = readPattern(pattern, below(path, "pattern"));
    return writePattern(node, { min, max }, "pattern", path);
  }
  if (typeof format === "string") {
    const source = stringFormats.get(format);
    if (source === undefined) throw unsupportedKeyword("format", path, "is not supported with this value");
    return writePattern(anchoredRegex(parseRegex(source), true), { min, max }, "format", path);
  }
  if (min === 0 && max === Infinity) return anyJsonString(rules);
  const counted = max === Infinity ? min : max;
  const char = counted > MAX_ESCAPED_LENGTH ? plainJsonChar : anyJsonChar;
  return rules.add(sequence(quote, repeat(char, min, max), quote));
}

function readPattern(pattern: string, path: SchemaPath): RegexNode {
  try {
    // ECMA-262 has the last word on what is a pattern.
    void new RegExp(pattern, "u");
    return anchoredRegex(parseRegex(pattern), false);
  } catch (thrown) {
    throw invalidSchema(
      path,
      `the pattern cannot be used: ${thrown instanceof RegexRefusal ? thrown.message : "it is malformed"}`,
    );
  }
}

function writePattern(
  node: RegexNode,
  { min, max }: { readonly min: number; readonly max: number },
  keyword: "pattern" | "format",
  path: SchemaPath,
): Expression {
  const limited = limitLength(node, min, max);
  if (limited === undefined) {
    const length = min > 0 ? "minLength" : "maxLength";
    throw unsupportedKeyword(length, path, `is not supported together with this '${keyword}'`);
  }
  try {
    return sequence(
      quote,
      lowerRegex(limited, (set) => jsonChar(set)),
      quote,
    );
  } catch (thrown) {
    if (!(thrown instanceof RegexRefusal)) throw thrown;
    throw invalidSchema(below(path, keyword), `the pattern cannot be used: ${thrown.message}`);
  }
}
