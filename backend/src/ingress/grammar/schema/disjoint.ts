import { isDeepStrictEqual } from "node:util";
import { isSchemaObject, type SchemaObject } from "./keywords.ts";

/**
 * Whether it can be told that nothing is valid under both: they have no type in common, or differ in a constant, of
 * themselves or of a property that both require. Then `oneOf` means what `anyOf` does.
 *
 * @param resolve follows a `$ref`.
 */
export function areDisjoint(a: unknown, b: unknown, resolve: (schema: unknown) => unknown): boolean {
  const [one, other] = [resolve(a), resolve(b)];
  if (!isSchemaObject(one) || !isSchemaObject(other)) return one === false || other === false;
  const [types, otherTypes] = [typesOf(one), typesOf(other)];
  if (types !== undefined && otherTypes !== undefined && !types.some((type) => otherTypes.includes(type))) return true;
  const [values, otherValues] = [valuesOf(one), valuesOf(other)];
  if (values !== undefined && otherValues !== undefined) {
    return !values.some((value) => otherValues.some((otherValue) => isDeepStrictEqual(value, otherValue)));
  }
  return (
    commonRequired(one, other).some((name) =>
      areDisjoint(propertiesOf(one)[name], propertiesOf(other)[name], resolve),
    ) &&
    isObjectOnly(types) &&
    isObjectOnly(otherTypes)
  );
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

function commonRequired(a: SchemaObject, b: SchemaObject): readonly string[] {
  const others = requiredOf(b);
  return requiredOf(a).filter((name) => others.includes(name) && name in propertiesOf(a) && name in propertiesOf(b));
}
