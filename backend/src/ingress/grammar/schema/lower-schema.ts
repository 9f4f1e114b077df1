// From JSON Schema to a grammar. XGrammar can do that too, but 0.1.27 was found to let through what a schema forbids (bounds
// of numbers, names that only `required` has, keywords beside a $ref), and to abort on others: here every keyword is
// enforced or refused, and what is written is always valid, though not everything that is valid can be written.
import { isDeepStrictEqual } from "node:util";
import { type Expression, literal, oneOf, oneOfTexts } from "#ingress/grammar/expression.ts";
import type { GrammarRules } from "#ingress/grammar/grammar-rules.ts";
import { anyJson, anyJsonArray, jsonValue } from "#ingress/grammar/json-text.ts";
import { areDisjoint } from "./disjoint.ts";
import { assertionsOf, isSchemaObject, type JsonType, keywordsOfType, type SchemaObject } from "./keywords.ts";
import { lowerArray } from "./lower-array.ts";
import { lowerNumber } from "./lower-number.ts";
import { lowerObject } from "./lower-object.ts";
import { lowerString } from "./lower-string.ts";
import { mergeSchemas } from "./merge-schemas.ts";
import { below, invalidSchema, type SchemaPath, unsupportedKeyword } from "./schema-refusal.ts";

const MAX_DEPTH = 64;
const MAX_SCHEMAS = 10_000;

/**
 * An expression for JSON that is valid under the schema.
 *
 * @param param the request's parameter that holds it.
 * @throws AppError that names the keyword at fault, or says that nothing is valid.
 */
export function lowerSchema(schema: unknown, rules: GrammarRules, param: string): Expression {
  const path: SchemaPath = { param, keys: [] };
  if (typeof schema !== "boolean" && !isSchemaObject(schema)) throw invalidSchema(path, "it must be an object");
  const lowered = new SchemaLowering(schema, rules, path).lower(schema, path);
  if (lowered === undefined) throw invalidSchema(path, "nothing is valid under it");
  return lowered;
}

class SchemaLowering {
  readonly #root: unknown;
  readonly #rules: GrammarRules;
  readonly #rootPath: SchemaPath;
  /** $ref -> its rule, and whether anything is valid under it; while that is not known, it is taken to be so. */
  readonly #referred = new Map<string, Expression | undefined>();
  /** The $refs that were followed to where we are without entering an object or array. */
  #followed: readonly string[] = [];
  #depth = 0;
  #numSchemas = 0;

  constructor(root: unknown, rules: GrammarRules, rootPath: SchemaPath) {
    this.#root = root;
    this.#rules = rules;
    this.#rootPath = rootPath;
  }

  /** Undefined when nothing is valid. */
  readonly lower = (schema: unknown, path: SchemaPath): Expression | undefined => {
    if (schema === true) return anyJson(this.#rules);
    if (schema === false) return undefined;
    if (!isSchemaObject(schema)) throw invalidSchema(path, "a schema must be an object or a boolean");
    this.#numSchemas += 1;
    this.#depth += 1;
    if (this.#numSchemas > MAX_SCHEMAS) throw invalidSchema(this.#rootPath, `it has more than ${MAX_SCHEMAS} parts`);
    if (this.#depth > MAX_DEPTH) throw invalidSchema(this.#rootPath, `it is nested more than ${MAX_DEPTH} deep`);
    const lowered = this.#lowerAssertions(assertionsOf(schema, path), path);
    this.#depth -= 1;
    return lowered;
  };

  /** Something is written before what is lowered here, so it may refer to what it is part of. */
  readonly #lowerInside = (schema: unknown, path: SchemaPath): Expression | undefined => {
    const followed = this.#followed;
    this.#followed = [];
    const lowered = this.lower(schema, path);
    this.#followed = followed;
    return lowered;
  };

  #lowerAssertions(schema: SchemaObject, path: SchemaPath): Expression | undefined {
    const { $ref, allOf, anyOf, oneOf: exactlyOne, ...rest } = schema;
    if (typeof $ref === "string") return this.#lowerRef($ref, withoutKeyword(schema, "$ref"), path);
    if (Array.isArray(allOf)) {
      const others = withoutKeyword(schema, "allOf");
      const merged = allOf.reduce<unknown>(
        (all, part, index) => this.#merge(all, part, "allOf", path, below(path, "allOf", index)),
        others,
      );
      return this.lower(merged, path);
    }
    if (Array.isArray(anyOf)) return this.#lowerBranches(anyOf, withoutKeyword(schema, "anyOf"), "anyOf", path);
    if (Array.isArray(exactlyOne)) {
      const follow = (branch: unknown): unknown => this.#follow(branch, path);
      const isPair = (a: unknown, index: number): boolean =>
        exactlyOne.slice(index + 1).every((b) => areDisjoint(a, b, follow, this.#rules.effort));
      if (!exactlyOne.every(isPair)) {
        throw unsupportedKeyword("oneOf", path, "is not supported unless its schemas exclude each other: use 'anyOf'");
      }
      return this.#lowerBranches(exactlyOne, withoutKeyword(schema, "oneOf"), "oneOf", path);
    }
    if ("enum" in rest || "const" in rest) return this.#lowerValues(rest, path);
    return this.#lowerTypes(rest, path);
  }

  #lowerRef(ref: string, siblings: SchemaObject, path: SchemaPath): Expression | undefined {
    if (Object.keys(siblings).length > 0) {
      return this.lower(this.#merge(this.#resolve(ref, path), siblings, "$ref", path, path), path);
    }
    if (this.#followed.includes(ref)) throw invalidSchema(path, "its references go in a circle");
    if (this.#referred.has(ref)) return this.#referred.get(ref);
    const target = this.#resolve(ref, path);
    let isNever = false;
    const rule = this.#rules.shared(`$ref ${ref}`, () => {
      // Whoever comes back here while it is written means the rule itself.
      this.#referred.set(
        ref,
        this.#rules.shared(`$ref ${ref}`, () => literal("")),
      );
      this.#followed = [...this.#followed, ref];
      const lowered = this.lower(target, { ...this.#rootPath, keys: pointerKeys(ref) });
      this.#followed = this.#followed.slice(0, -1);
      isNever = lowered === undefined;
      return lowered ?? literal("");
    });
    if (isNever) throw invalidSchema(path, "nothing is valid under the schema that '$ref' names");
    this.#referred.set(ref, rule);
    return rule;
  }

  #lowerBranches(
    branches: readonly unknown[],
    others: SchemaObject,
    keyword: "anyOf" | "oneOf",
    path: SchemaPath,
  ): Expression | undefined {
    const isAlone = Object.keys(others).length === 0;
    const lowered = branches.map((branch, index) => {
      const branchPath = below(path, keyword, index);
      return this.lower(isAlone ? branch : this.#merge(others, branch, keyword, path, branchPath), branchPath);
    });
    const possible = lowered.filter((each) => each !== undefined);
    return possible.length === 0 ? undefined : oneOf(possible);
  }

  /** One schema for two, or `false`. */
  #merge(a: unknown, b: unknown, keyword: string, path: SchemaPath, partPath: SchemaPath): unknown {
    const [one, other] = [this.#follow(a, path), this.#follow(b, path)];
    if (one === true) return other;
    if (other === true) return one;
    if (!isSchemaObject(one) || !isSchemaObject(other)) return false;
    return mergeSchemas(assertionsOf(one, path), assertionsOf(other, partPath), this.#rules.effort, keyword, path);
  }

  /** The schema that a bare `$ref` names; anything else as it is. */
  #follow(schema: unknown, path: SchemaPath): unknown {
    let found = schema;
    for (let hops = 0; isSchemaObject(found) && typeof found["$ref"] === "string"; hops += 1) {
      if (hops > MAX_DEPTH) throw invalidSchema(path, "its references go in a circle");
      const { $ref, ...others } = found;
      if (Object.keys(assertionsOf(others, path)).length > 0) return found;
      found = this.#resolve($ref, path);
    }
    return found;
  }

  #resolve(ref: string, path: SchemaPath): unknown {
    if (ref !== "#" && !ref.startsWith("#/"))
      throw unsupportedKeyword("$ref", path, "is supported within the schema only");
    let found: unknown = this.#root;
    for (const key of pointerKeys(ref)) {
      if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) {
        throw invalidSchema(below(path, "$ref"), "the reference leads nowhere");
      }
      found = Reflect.get(found, key);
    }
    return found;
  }

  #lowerValues(schema: SchemaObject, path: SchemaPath): Expression | undefined {
    const { enum: listed, const: only, type, ...others } = schema;
    const [beside] = Object.keys(others);
    if (beside !== undefined) throw unsupportedKeyword(beside, path, "is not supported beside 'enum' or 'const'");
    const values = (Array.isArray(listed) ? listed : [only]).filter((value) => {
      const isConst = !("const" in schema) || isDeepStrictEqual(value, only);
      return isConst && (type === undefined || [type].flat().some((name) => isOfType(value, name)));
    });
    if (values.length === 0) return undefined;
    const { structures = [], scalars = [] } = Object.groupBy(values, (value) =>
      typeof value === "object" && value !== null ? "structures" : "scalars",
    );
    return oneOf([
      ...(scalars.length > 0 ? [oneOfTexts(scalars.map((value) => JSON.stringify(value)))] : []),
      ...structures.map((value) => jsonValue(this.#rules, value)),
    ]);
  }

  #lowerTypes(schema: SchemaObject, path: SchemaPath): Expression | undefined {
    const types = schema["type"] === undefined ? impliedTypes(schema) : ([schema["type"]].flat() as JsonType[]);
    if (types.length === 0) return Array.isArray(schema["type"]) ? undefined : anyJson(this.#rules);
    const distinct = new Set(types.filter((type) => type !== "integer" || !types.includes("number")));
    const lowered = [...distinct]
      .map((type) => this.#lowerType(type, schema, path))
      .filter((each) => each !== undefined);
    return lowered.length === 0 ? undefined : this.#rules.add(oneOf(lowered));
  }

  #lowerType(type: JsonType, schema: SchemaObject, path: SchemaPath): Expression | undefined {
    switch (type) {
      case "object":
        return lowerObject(schema, this.#rules, path, this.#lowerInside);
      case "array": {
        const isAny = keywordsOfType.array.every((keyword) => !(keyword in schema));
        return isAny ? anyJsonArray(this.#rules) : lowerArray(schema, this.#rules, path, this.#lowerInside);
      }
      case "string":
        return lowerString(schema, this.#rules, path);
      case "integer":
      case "number":
        return lowerNumber(type, schema, this.#rules, path);
      case "boolean":
        return oneOf([literal("true"), literal("false")]);
      case "null":
        return literal("null");
    }
  }
}

function withoutKeyword(schema: SchemaObject, keyword: string): SchemaObject {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== keyword));
}

/** RFC 6901, in a URI's fragment. */
function pointerKeys(ref: string): string[] {
  const keys = ref.split("/").slice(1);
  return keys.map((key) => decodeFragment(key).replaceAll("~1", "/").replaceAll("~0", "~"));
}

function decodeFragment(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (thrown) {
    if (thrown instanceof URIError) return text;
    throw thrown;
  }
}

/** Keywords speak of values of their type only. Where no type is named, those of which something is said are meant. */
function impliedTypes(schema: SchemaObject): JsonType[] {
  const types = Object.keys(keywordsOfType) as (keyof typeof keywordsOfType)[];
  return types.filter((type) => keywordsOfType[type].some((keyword) => keyword in schema));
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isSchemaObject(value);
    default:
      return typeof value === type;
  }
}
