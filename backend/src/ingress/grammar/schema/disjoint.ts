import { isDeepStrictEqual } from "node:util";
import type { Effort } from "#ingress/grammar/automaton/effort.ts";
import { isSchemaObject, type SchemaObject } from "./keywords.ts";

/**
 * Whether it can be told that nothing is valid under both: they have no type in common, or differ in a constant, of
 * themselves or of a property that both require. Then `oneOf` means what `anyOf` does.
 *
 * @param resolve follows a `$ref`. @throws TooManyStates
 */
export function areDisjoint(a: unknown, b: unknown, resolve: (schema: unknown) => unknown, effort: Effort): boolean {
  effort.spend(1);
  const [one, other] = [resolve(a), resolve(b)];
  if (!isSchemaObject(one) || !isSchemaObject(other)) return one === false || other === false;
  const [types, otherTypes] = [typesOf(one), typesOf(other)];
  if (types !== undefined && otherTypes !== undefined && !types.some((type) => otherTypes.includes(type))) return true;
  const [values, otherValues] = [valuesOf(one), valuesOf(other)];
  if (values !== undefined && otherValues !== undefined) {
    return !haveCommon(values, otherValues, effort);
  }
  return (
    commonRequired(one, other, effort).some((name) =>
      areDisjoint(propertiesOf(one)[name], propertiesOf(other)[name], resolve, effort),
    ) &&
    isObjectOnly(types) &&
    isObjectOnly(otherTypes)
  );
}

function haveCommon(values: readonly unknown[], others: readonly unknown[], effort: Effort): boolean {
  const known = new Set(values);
  const [structures, otherStructures] = [values.filter(isStructure), others.filter(isStructure)];
  effort.spend(values.length + others.length + structures.length * otherStructures.length);
  return (
    others.some((value) => known.has(value)) ||
    otherStructures.some((other) => structures.some((value) => isDeepStrictEqual(value, other)))
  );
}

function isStructure(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function isObjectOnly(types: readonly unknown[] | undefined): boolean {
  return types !== undefined && types.every((type) => type === "object");
}

/** An integer is a number. */
function typesOf({ type }: SchemaObject): readonly unknown[] | undefined {
  return type === undefined ? undefined : [type].flat().map((name) => (name === "integer" ? "number" : name));
}

function valuesOf(schema: SchemaObject): readonly unknown[] | undefined {
  if ("const" in schema) return [schema["const"]];
  return Array.isArray(schema["enum"]) ? schema["enum"] : undefined;
}

function propertiesOf({ properties }: SchemaObject): SchemaObject {
  return isSchemaObject(properties) ? properties : {};
}

function requiredOf({ required }: SchemaObject): readonly string[] {
  return Array.isArray(required) ? required : [];
}

function commonRequired(a: SchemaObject, b: SchemaObject, effort: Effort): readonly string[] {
  const others = new Set(requiredOf(b));
  effort.spend(requiredOf(a).length + others.size);
  return requiredOf(a).filter((name) => others.has(name) && name in propertiesOf(a) && name in propertiesOf(b));
}
