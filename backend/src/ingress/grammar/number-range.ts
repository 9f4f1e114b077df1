// Numbers between two bounds as regular languages: a digit is free once the digits before it decided the comparison.
import { decimalOf } from "./decimal.ts";
import { empty, type Expression, literal, oneOf, oneOfChars, optional, repeat, sequence } from "./expression.ts";
import { digit, MAX_DIGITS } from "./json-text.ts";

/** Inclusive unless said otherwise. Undefined bounds nothing. */
export interface NumberBounds {
  readonly min?: Bound | undefined;
  readonly max?: Bound | undefined;
}

export interface Bound {
  readonly value: number;
  readonly isExclusive: boolean;
}

/** Digits behind the point that a bounded number may have beyond those of its bounds, if 15 in all leave room for them. */
const MORE_FRACTION_DIGITS = 6;

/** A number of at least 0: its digits before and behind the point, and whether it is itself left out. */
interface Magnitude {
  readonly whole: bigint;
  readonly fraction: string;
  readonly isExclusive: boolean;
}

/** Whole numbers within the bounds; undefined when there are none. Without bounds they have at most 15 digits. */
export function integerRange(bounds: NumberBounds): Expression | undefined {
  const min = bounds.min && leastInteger(bounds.min);
  const max = bounds.max && -leastInteger(mirror(bounds.max));
  if (min !== undefined && max !== undefined && min > max) return undefined;
  const choices: Expression[] = [];
  if (min === undefined || min < 0n) {
    const from = max !== undefined && max < 0n ? -max : 1n;
    const to = min === undefined ? undefined : -min;
    if (to === undefined || from <= to) choices.push(sequence(literal("-"), wholeRange(from, to)));
  }
  if (max === undefined || max >= 0n) choices.push(wholeRange(min === undefined || min < 0n ? 0n : min, max));
  return oneOf(choices);
}

/** Decimal numbers within the bounds, without exponents; undefined when there are none. */
export function decimalRange(bounds: NumberBounds): Expression | undefined {
  const { min, max } = bounds;
  const choices: Expression[] = [];
  if (min === undefined || min.value < 0) {
    const from = max !== undefined && max.value <= 0 ? magnitudeOf(mirror(max)) : { ...zero, isExclusive: true };
    const range = magnitudeRange(
      from.whole === 0n && /^0*$/.test(from.fraction) ? { ...from, isExclusive: true } : from,
      min && magnitudeOf(mirror(min)),
    );
    if (range !== undefined) choices.push(sequence(literal("-"), range));
  }
  if (max === undefined || max.value >= 0) {
    const from = min === undefined || min.value < 0 ? zero : magnitudeOf(min);
    const range = magnitudeRange(from, max && magnitudeOf(max));
    if (range !== undefined) choices.push(range);
  }
  return choices.length === 0 ? undefined : oneOf(choices);
}

const zero: Magnitude = { whole: 0n, fraction: "", isExclusive: false };

function mirror({ value, isExclusive }: Bound): Bound {
  return { value: -value, isExclusive };
}

function leastInteger({ value, isExclusive }: Bound): bigint {
  const least = BigInt(Math.ceil(value));
  return isExclusive && Number.isInteger(value) ? least + 1n : least;
}

/** @param bound of a value of at least 0. */
function magnitudeOf({ value, isExclusive }: Bound): Magnitude {
  const { digits, numDecimals } = decimalOf(value);
  const text = digits.toString().padStart(numDecimals + 1, "0");
  const point = text.length - numDecimals;
  return { whole: BigInt(text.slice(0, point)), fraction: text.slice(point), isExclusive };
}

/** Numbers of at least 0. */
function magnitudeRange(min: Magnitude, max: Magnitude | undefined): Expression | undefined {
  if (max !== undefined && min.whole > max.whole) return undefined;
  const numWhole = max === undefined ? MAX_DIGITS - MORE_FRACTION_DIGITS : max.whole.toString().length;
  const longest = Math.max(min.fraction.length, max?.fraction.length ?? 0);
  const depth = Math.max(
    longest + (min.isExclusive || max?.isExclusive ? 1 : 0),
    Math.min(longest + MORE_FRACTION_DIGITS, MAX_DIGITS - numWhole),
    1,
  );
  const withFraction = (whole: Expression, low: FractionBound, high: FractionBound): Expression | undefined => {
    const { tail, mayEnd } = fractionTail(low, high, depth);
    if (tail === undefined) return mayEnd ? whole : undefined;
    const fraction = sequence(literal("."), tail);
    return sequence(whole, mayEnd ? optional(fraction) : fraction);
  };
  const low = { digits: min.fraction, isExclusive: min.isExclusive };
  const high = max && { digits: max.fraction, isExclusive: max.isExclusive };
  const first = literal(min.whole.toString());
  if (max !== undefined && max.whole === min.whole) return withFraction(first, low, high);
  const choices = [withFraction(first, low, undefined)];
  if (max === undefined || min.whole + 1n < max.whole) {
    choices.push(withFraction(wholeRange(min.whole + 1n, max && max.whole - 1n, numWhole), undefined, undefined));
  }
  if (max !== undefined) choices.push(withFraction(literal(max.whole.toString()), undefined, high));
  return oneOf(choices.filter((choice) => choice !== undefined));
}

/** Where the comparison with a bound stands: undefined when the digits before decided it. */
type FractionBound = { readonly digits: string; readonly isExclusive: boolean } | undefined;

interface Tail {
  /** One or more digits; undefined when none fit. */
  readonly tail: Expression | undefined;
  /** Whether the number may also end here. */
  readonly mayEnd: boolean;
}

function fractionTail(low: FractionBound, high: FractionBound, depth: number): Tail {
  const isLowZero = low !== undefined && /^0*$/.test(low.digits);
  const isHighZero = high !== undefined && /^0*$/.test(high.digits);
  if (isLowZero && !low.isExclusive) return fractionTail(undefined, high, depth);
  const mayEnd = (low === undefined && !(isHighZero && high.isExclusive)) || (isLowZero && !low.isExclusive);
  if (depth === 0) return { tail: undefined, mayEnd };
  if (low === undefined && high === undefined) return { tail: repeat(digit, 1, depth), mayEnd };
  if (isHighZero) {
    const canBeZero = low === undefined && !high.isExclusive;
    return { tail: canBeZero ? repeat(literal("0"), 1, depth) : undefined, mayEnd };
  }
  const lowDigit = Number(low?.digits[0] ?? 0);
  const highDigit = high === undefined ? 9 : Number(high.digits[0] ?? 0);
  const rest = (bound: FractionBound): FractionBound => bound && { ...bound, digits: bound.digits.slice(1) };
  const choices: Expression[] = [];
  const add = (digits: Expression, { tail, mayEnd: may }: Tail): void => {
    if (tail !== undefined) choices.push(sequence(digits, may ? optional(tail) : tail));
    else if (may) choices.push(digits);
  };
  for (const value of new Set([lowDigit, highDigit])) {
    if (value < lowDigit || value > highDigit) continue;
    const nextLow = low !== undefined && value === lowDigit ? rest(low) : undefined;
    const nextHigh = high !== undefined && value === highDigit ? rest(high) : undefined;
    add(literal(String(value)), fractionTail(nextLow, nextHigh, depth - 1));
  }
  if (lowDigit + 1 < highDigit) {
    add(digitRange(lowDigit + 1, highDigit - 1), fractionTail(undefined, undefined, depth - 1));
  }
  return { tail: choices.length === 0 ? undefined : oneOf(choices), mayEnd };
}

/** Whole numbers of at least 0 without leading zeros. @param numDigits most digits when there is no other bound. */
function wholeRange(min: bigint, max: bigint | undefined, numDigits = MAX_DIGITS): Expression {
  const least = min.toString();
  const most = max?.toString() ?? "9".repeat(Math.max(numDigits, least.length));
  const choices: Expression[] = [];
  for (let length = least.length; length <= most.length; length += 1) {
    const from = length === least.length ? least : `1${"0".repeat(length - 1)}`;
    const to = length === most.length ? most : "9".repeat(length);
    choices.push(sameLength(from, to));
  }
  return oneOf(choices);
}

/** Numbers between two of the same length. */
function sameLength(from: string, to: string): Expression {
  if (from === "") return empty;
  const [low, high] = [Number(from[0]), Number(to[0])];
  const [fromRest, toRest] = [from.slice(1), to.slice(1)];
  if (low === high) return sequence(literal(String(low)), sameLength(fromRest, toRest));
  const isAll = /^0*$/.test(fromRest) && /^9*$/.test(toRest);
  if (isAll) return sequence(digitRange(low, high), repeat(digit, fromRest.length, fromRest.length));
  const choices = [sequence(literal(String(low)), sameLength(fromRest, "9".repeat(fromRest.length)))];
  if (low + 1 < high)
    choices.push(sequence(digitRange(low + 1, high - 1), repeat(digit, fromRest.length, fromRest.length)));
  choices.push(sequence(literal(String(high)), sameLength("0".repeat(toRest.length), toRest)));
  return oneOf(choices);
}

function digitRange(from: number, to: number): Expression {
  return oneOfChars([[0x30 + from, 0x30 + to]]);
}
