import { type Automaton, matchesNothing, TooManyStates } from "#ingress/grammar/automaton/automaton.ts";
import type { Effort } from "#ingress/grammar/automaton/effort.ts";
import { intersect } from "#ingress/grammar/automaton/intersect.ts";
import { decimalOf } from "#ingress/grammar/decimal.ts";
import { type Expression, oneOfTexts } from "#ingress/grammar/expression.ts";
import { automatonOf, type GrammarRules } from "#ingress/grammar/grammar-rules.ts";
import { anyInteger, anyNumber } from "#ingress/grammar/json-text.ts";
import { type Bound, decimalRange, integerRange, type NumberBounds } from "#ingress/grammar/number-range.ts";
import { keywordsOfType, type SchemaObject } from "./keywords.ts";
import { multiplesOf } from "./multiple-of.ts";
import { type SchemaPath, unsupportedKeyword } from "./schema-refusal.ts";

/** Larger ones, the largest safe integers and a few more, would take longer rules than they are worth. */
const MAX_SIZE = 1e21;
const MIN_SIZE = 1e-12;
/** Most states of multiples: each takes ten ways out. */
const MAX_MULTIPLE_STATES = 1024;
/** Most multiples that are listed one by one. */
const MAX_LISTED = 1000n;

/** Undefined when no number is valid. */
export function lowerNumber(
  type: "integer" | "number",
  schema: SchemaObject,
  rules: GrammarRules,
  path: SchemaPath,
): Expression | undefined {
  for (const keyword of keywordsOfType.number) {
    const size = Math.abs(Number(schema[keyword] ?? 0));
    if (size >= MAX_SIZE || (size > 0 && size < MIN_SIZE)) {
      throw unsupportedKeyword(keyword, path, "is not supported with a value so large or so small");
    }
  }
  const bounds: NumberBounds = {
    min: tighter(boundOf(schema["minimum"], false), boundOf(schema["exclusiveMinimum"], true), 1),
    max: tighter(boundOf(schema["maximum"], false), boundOf(schema["exclusiveMaximum"], true), -1),
  };
  const isWhole = type === "integer";
  const step = schema["multipleOf"];
  if (typeof step === "number") return lowerMultiples(step, isWhole, bounds, rules.effort, path);
  if (bounds.min === undefined && bounds.max === undefined) return isWhole ? anyInteger(rules) : anyNumber(rules);
  return rangeOf(isWhole, bounds);
}

function rangeOf(isWhole: boolean, bounds: NumberBounds): Expression | undefined {
  return isWhole ? integerRange(bounds) : decimalRange(bounds);
}

function lowerMultiples(
  step: number,
  isWhole: boolean,
  bounds: NumberBounds,
  effort: Effort,
  path: SchemaPath,
): Expression | undefined {
  const range = rangeOf(isWhole, bounds);
  if (range === undefined) return undefined;
  const listed = listMultiples(step, isWhole, bounds);
  if (listed !== undefined) return listed.length === 0 ? undefined : oneOfTexts(listed);
  const automaton = intersectionOf(range, step, isWhole, effort);
  if (automaton === undefined || automaton.length > MAX_MULTIPLE_STATES) {
    throw unsupportedKeyword(
      "multipleOf",
      path,
      "is not supported with this value, unless few numbers are within bounds",
    );
  }
  return matchesNothing(automaton) ? undefined : { kind: "automaton", automaton };
}

function intersectionOf(range: Expression, step: number, isWhole: boolean, effort: Effort): Automaton | undefined {
  try {
    const multiples = multiplesOf(step, isWhole, effort);
    return multiples && intersect(automatonOf(range, effort), multiples, effort);
  } catch (thrown) {
    if (thrown instanceof TooManyStates) return undefined;
    throw thrown;
  }
}

/** The multiples within the bounds, as texts; undefined when they are many. */
function listMultiples(step: number, isWhole: boolean, { min, max }: NumberBounds): string[] | undefined {
  if (min === undefined || max === undefined) return undefined;
  const { digits, numDecimals } = decimalOf(step);
  const scale = 10n ** BigInt(numDecimals);
  const first = -quotientAtMost({ ...min, value: -min.value }, digits, scale);
  const last = quotientAtMost(max, digits, scale);
  if (last - first >= MAX_LISTED) return undefined;
  const counts = Array.from({ length: Math.max(0, Number(last - first) + 1) }, (_, index) => first + BigInt(index));
  const scaled = counts.map((count) => count * digits).filter((value) => !isWhole || value % scale === 0n);
  return scaled.map((value) => decimalText(value, numDecimals));
}

/** The largest whole number that, times `digits / scale`, is within an upper bound. */
function quotientAtMost({ value, isExclusive }: Bound, digits: bigint, scale: bigint): bigint {
  const bound = decimalOf(value);
  const [dividend, divisor] = [bound.digits * scale, digits * 10n ** BigInt(bound.numDecimals)];
  const towardsZero = dividend / divisor;
  const isExact = dividend % divisor === 0n;
  if (isExact) return isExclusive ? towardsZero - 1n : towardsZero;
  return dividend < 0n ? towardsZero - 1n : towardsZero;
}

function decimalText(scaled: bigint, numDecimals: number): string {
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(numDecimals + 1, "0");
  const point = digits.length - numDecimals;
  const fraction = digits.slice(point).replace(/0+$/, "");
  return `${scaled < 0n ? "-" : ""}${digits.slice(0, point)}${fraction === "" ? "" : `.${fraction}`}`;
}

function boundOf(value: unknown, isExclusive: boolean): Bound | undefined {
  return typeof value === "number" ? { value, isExclusive } : undefined;
}

/** Of a closed and an open bound, the one that leaves less. @param sign 1 for lower bounds, -1 for upper ones. */
function tighter(closed: Bound | undefined, open: Bound | undefined, sign: 1 | -1): Bound | undefined {
  if (closed === undefined || open === undefined) return closed ?? open;
  return sign * open.value >= sign * closed.value ? open : closed;
}
