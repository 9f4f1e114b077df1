import { empty, type Expression, oneOf, optional, repeat, sequence } from "#ingress/grammar/expression.ts";
import type { GrammarRules } from "#ingress/grammar/grammar-rules.ts";
import { anyJsonObject, comma, enclosed, enclosedOptional, member } from "#ingress/grammar/json-text.ts";
import type { SchemaObject } from "./keywords.ts";
import type { LowerSchema } from "./lower-array.ts";
import { otherKeys } from "./other-keys.ts";
import { below, type SchemaPath, unsupportedKeyword } from "./schema-refusal.ts";

interface Member {
  readonly written: Expression;
  readonly isRequired: boolean;
}

/**
 * Members come in the order of `properties`, then those that only `required` names. Where a schema declares properties and
 * says nothing of others, none are written: valid, and what is meant. Undefined when no object is valid.
 */
export function lowerObject(
  schema: SchemaObject,
  rules: GrammarRules,
  path: SchemaPath,
  lower: LowerSchema,
): Expression | undefined {
  const properties = (schema["properties"] ?? {}) as SchemaObject;
  const required = new Set(schema["required"] as readonly string[] | undefined);
  const isOpen = Object.keys(properties).length === 0 && required.size === 0;
  const additional = schema["additionalProperties"] ?? (schema["unevaluatedProperties"] === undefined && isOpen);
  const names = [...new Set([...Object.keys(properties), ...required])];
  refuseCounts(schema, { numRequired: required.size, numNames: names.length, isClosed: additional === false }, path);
  if (names.length === 0 && additional === true) return anyJsonObject(rules);

  const members: Member[] = [];
  for (const name of names) {
    const isDeclared = Object.hasOwn(properties, name);
    const value = isDeclared
      ? lower(properties[name], below(path, "properties", name))
      : lower(schema["additionalProperties"] ?? true, below(path, "additionalProperties"));
    const isRequired = required.has(name);
    if (value !== undefined) members.push({ written: rules.add(member(name, value)), isRequired });
    else if (isRequired) return undefined;
  }
  const other = additional === false ? undefined : lower(additional, below(path, "additionalProperties"));
  const open = other && rules.add(member({ written: otherKeys(names) }, other));
  return writeMembers(members, open, rules);
}

function writeMembers(members: readonly Member[], open: Expression | undefined, rules: GrammarRules): Expression {
  const separator = comma(rules);
  const more = open === undefined ? empty : repeat(sequence(separator, open), 0, Infinity);
  // tails[i]: what may follow once something was written, from member i on.
  const tails: Expression[] = [more];
  for (const { written, isRequired } of members.toReversed()) {
    const itself = sequence(separator, written);
    const after = tails[0] ?? empty;
    const tail = sequence(isRequired ? itself : optional(itself), after);
    tails.unshift(tail === empty ? empty : rules.add(tail));
  }
  const firstRequired = members.findIndex(({ isRequired }) => isRequired);
  const openers = firstRequired < 0 ? members : members.slice(0, firstRequired + 1);
  const starts = openers.map(({ written }, index) => sequence(written, tails[index + 1] ?? empty));
  if (firstRequired >= 0) return enclosed(rules, "{}", oneOf(starts));
  if (open !== undefined) starts.push(sequence(open, more));
  return starts.length === 0 ? enclosed(rules, "{}", empty) : enclosedOptional(rules, "{}", oneOf(starts));
}

/** Counting members would take a rule for each subset of them: only what holds anyway is taken. */
function refuseCounts(
  schema: SchemaObject,
  {
    numRequired,
    numNames,
    isClosed,
  }: { readonly numRequired: number; readonly numNames: number; readonly isClosed: boolean },
  path: SchemaPath,
): void {
  const { minProperties = 0, maxProperties = Infinity } = schema;
  if (Number(minProperties) > numRequired) throw unsupportedKeyword("minProperties", path);
  if (Number(maxProperties) < numNames || (!isClosed && maxProperties !== Infinity)) {
    throw unsupportedKeyword("maxProperties", path);
  }
}
