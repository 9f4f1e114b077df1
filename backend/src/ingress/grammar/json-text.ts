// JSON as the grammars write it. What is written is always JSON (RFC 8259), though not every JSON: white space is what a
// printer would put there, numbers are those that a double holds exactly enough, and a string has no lone surrogates.
import { type CharSet, charsOf, controlChars, everyChar, intersect, listChars, subtract, union } from "./char-set.ts";
import { empty, type Expression, literal, oneOf, oneOfChars, optional, repeat, sequence } from "./expression.ts";
import type { GrammarRules } from "./grammar-rules.ts";
import { repeatInBlocks } from "./repeat-in-blocks.ts";

/** Most spaces that a line may be indented by. */
const MAX_INDENT = 32;
/** Digits that every double keeps (DBL_DIG): two numbers of at most so many are never read as one. */
export const MAX_DIGITS = 15;

const escaped: CharSet = union([...controlChars, ...charsOf('"\\')]);
const plain = subtract(everyChar, escaped);

export const quote = literal('"');
export const digit = oneOfChars([[0x30, 0x39]]);
const positiveDigit = oneOfChars([[0x31, 0x39]]);

/** A character of a set inside a string, each written in one way, the shortest. @param set not empty. */
export function jsonChar(set: CharSet): Expression {
  const special = listChars(intersect(set, escaped)).map((char) => literal(JSON.stringify(char).slice(1, -1)));
  const rest = subtract(set, escaped);
  return oneOf([...(rest.length === 0 ? [] : [oneOfChars(rest)]), ...special]);
}

/** Any character inside a string, but none as `\\u…`. */
export const anyJsonChar = oneOf([oneOfChars(plain), sequence(literal("\\"), oneOfChars(charsOf('"\\/bfnrt')))]);

/** Any character inside a string that stands for itself: no quotes, backslashes or line breaks. */
export const plainJsonChar = oneOfChars(plain);

export function anyJsonString(rules: GrammarRules): Expression {
  return rules.shared("json string", () => sequence(quote, repeat(anyJsonChar, 0, Infinity), quote));
}

/** Where a printer may break the line. */
function lineBreak(rules: GrammarRules): Expression {
  const indent = repeat(oneOfChars(charsOf(" \t")), 0, MAX_INDENT);
  return rules.shared("line break", () => optional(oneOf([literal(" "), sequence(literal("\n"), indent)])));
}

export function comma(rules: GrammarRules): Expression {
  return rules.shared("comma", () => sequence(literal(","), lineBreak(rules)));
}

const colon = sequence(literal(":"), optional(literal(" ")));

/** `"key": value`, the key of a known text or as an expression of its own. */
export function member(key: string | { readonly written: Expression }, value: Expression): Expression {
  const written = typeof key === "string" ? literal(JSON.stringify(key)) : key.written;
  return sequence(written, colon, value);
}

/** Brackets or braces around what may be nothing. */
export function enclosed(rules: GrammarRules, brackets: "[]" | "{}", inside: Expression): Expression {
  const [open = "", close = ""] = brackets;
  const edge = lineBreak(rules);
  return inside === empty
    ? sequence(literal(open), literal(close))
    : sequence(literal(open), edge, inside, edge, literal(close));
}

/** Brackets or braces around what may also be left out. */
export function enclosedOptional(rules: GrammarRules, brackets: "[]" | "{}", inside: Expression): Expression {
  return oneOf([enclosed(rules, brackets, empty), enclosed(rules, brackets, inside)]);
}

/** @param min at least 1. */
export function commaSeparated(rules: GrammarRules, item: Expression, min: number, max: number): Expression {
  return sequence(item, repeatInBlocks(sequence(comma(rules), item), min - 1, max - 1, rules));
}

export function anyInteger(rules: GrammarRules): Expression {
  return rules.shared("json integer", () => sequence(optional(literal("-")), wholePart));
}

export function anyNumber(rules: GrammarRules): Expression {
  const fraction = sequence(literal("."), repeat(digit, 1, MAX_DIGITS));
  const exponent = sequence(oneOfChars(charsOf("eE")), optional(oneOfChars(charsOf("+-"))), repeat(digit, 1, 2));
  return rules.shared("json number", () =>
    sequence(optional(literal("-")), wholePart, optional(fraction), optional(exponent)),
  );
}

const wholePart = oneOf([literal("0"), sequence(positiveDigit, repeat(digit, 0, MAX_DIGITS - 1))]);

export function anyJsonObject(rules: GrammarRules): Expression {
  return rules.shared("json object", () =>
    enclosedOptional(
      rules,
      "{}",
      commaSeparated(rules, member({ written: anyJsonString(rules) }, anyJson(rules)), 1, Infinity),
    ),
  );
}

export function anyJsonArray(rules: GrammarRules): Expression {
  return rules.shared("json array", () =>
    enclosedOptional(rules, "[]", commaSeparated(rules, anyJson(rules), 1, Infinity)),
  );
}

export function anyJson(rules: GrammarRules): Expression {
  return rules.shared("json", () =>
    oneOf([
      anyJsonObject(rules),
      anyJsonArray(rules),
      anyJsonString(rules),
      anyNumber(rules),
      ...["true", "false", "null"].map(literal),
    ]),
  );
}

/** One value, as any printer might write it. */
export function jsonValue(rules: GrammarRules, value: unknown): Expression {
  if (Array.isArray(value)) {
    return enclosed(
      rules,
      "[]",
      listed(
        rules,
        value.map((item) => jsonValue(rules, item)),
      ),
    );
  }
  if (typeof value !== "object" || value === null) return literal(JSON.stringify(value));
  return enclosed(
    rules,
    "{}",
    listed(
      rules,
      Object.entries(value).map(([key, item]) => member(key, jsonValue(rules, item))),
    ),
  );
}

function listed(rules: GrammarRules, items: readonly Expression[]): Expression {
  return sequence(...items.flatMap((item, index) => (index === 0 ? [item] : [comma(rules), item])));
}
