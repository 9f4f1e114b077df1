import { empty, type Expression, optional, sequence } from "#ingress/grammar/expression.ts";
import type { GrammarRules } from "#ingress/grammar/grammar-rules.ts";
import { comma, commaSeparated, enclosed, enclosedOptional } from "#ingress/grammar/json-text.ts";
import { repeatInBlocks } from "#ingress/grammar/repeat-in-blocks.ts";
import type { SchemaObject } from "./keywords.ts";
import { below, type SchemaPath } from "./schema-refusal.ts";

/** Lowers a schema inside another; undefined when it is valid for nothing. */
export type LowerSchema = (schema: unknown, path: SchemaPath) => Expression | undefined;

/** Undefined when no array is valid. */
export function lowerArray(
  schema: SchemaObject,
  rules: GrammarRules,
  path: SchemaPath,
  lower: LowerSchema,
): Expression | undefined {
  const min = Number(schema["minItems"] ?? 0);
  const max = Number(schema["maxItems"] ?? Infinity);
  const prefix = ((schema["prefixItems"] ?? []) as readonly unknown[]).map((item, index) =>
    lower(item, below(path, "prefixItems", index)),
  );
  const numPrefix = prefix.includes(undefined) ? prefix.indexOf(undefined) : prefix.length;
  // An array without items is valid whatever they would have to be.
  const rest =
    numPrefix < prefix.length || max === 0 ? undefined : lower(schema["items"] ?? true, below(path, "items"));
  const most = rest === undefined ? Math.min(max, numPrefix) : max;
  if (most < min) return undefined;
  const items = prefix.slice(0, Math.min(numPrefix, most)).filter((item) => item !== undefined);
  if (items.length > 0) return withPrefix(items, rest, { min, max: most }, rules);
  if (most === 0 || rest === undefined) return enclosed(rules, "[]", empty);
  const inside = commaSeparated(rules, rest, Math.max(min, 1), most);
  return min === 0 ? enclosedOptional(rules, "[]", inside) : enclosed(rules, "[]", inside);
}

/** Each item of the prefix is followed by the next, or, once there are enough, by the end. */
function withPrefix(
  prefix: readonly Expression[],
  rest: Expression | undefined,
  { min, max }: { readonly min: number; readonly max: number },
  rules: GrammarRules,
): Expression {
  const numMore = max - prefix.length;
  const more =
    rest === undefined || numMore === 0
      ? empty
      : repeatInBlocks(sequence(comma(rules), rest), Math.max(0, min - prefix.length), numMore, rules);
  const inside = prefix.reduceRight<Expression>((after, item, index) => {
    const itself = index === 0 ? item : sequence(comma(rules), item);
    const following = sequence(itself, after);
    return index < min || index === 0 ? following : optional(following);
  }, more);
  return min === 0 ? enclosedOptional(rules, "[]", inside) : enclosed(rules, "[]", inside);
}
