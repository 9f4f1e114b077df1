// Multiples as regular languages: a number's digits are read from the left, and what remains after a division by the step
// says all about them that matters. Steps are decimals, and exact: 0.07 is a multiple of 0.01, which doubles deny.
import type { Automaton, State } from "#ingress/grammar/automaton/automaton.ts";
import type { Effort } from "#ingress/grammar/automaton/effort.ts";
import { minimize } from "#ingress/grammar/automaton/minimize.ts";
import { type Decimal, decimalOf } from "#ingress/grammar/decimal.ts";

/** Most remainders that are told apart. */
const MAX_REMAINDERS = 2048;

const [minus, point, zero] = [0x2d, 0x2e, 0x30];

/**
 * The texts of numbers that are multiples of the step, and other texts that are no numbers at all: to be intersected with
 * those of numbers without exponents.
 *
 * @param step above 0. @param isWhole whether numbers have no digits behind the point.
 * @returns undefined when it would take too many states. @throws TooManyStates
 */
export function multiplesOf(step: number, isWhole: boolean, effort: Effort): Automaton | undefined {
  const { digits, numDecimals } = decimalOf(step);
  const numPhases = isWhole ? 1 : numDecimals + 2;
  if (digits * BigInt(numPhases) > BigInt(MAX_REMAINDERS)) return undefined;
  return minimize(remainders({ digits, numDecimals }, numPhases), effort);
}

/** Phase 0 is before the point, phase 1 + n behind it and n digits. */
function remainders({ digits, numDecimals }: Decimal, numPhases: number): State[] {
  const modulus = Number(digits);
  const stateOf = (phase: number, remainder: number): number => phase * modulus + remainder;
  return Array.from({ length: numPhases * modulus }, (_, index): State => {
    const [phase, remainder] = [Math.floor(index / modulus), index % modulus];
    const numRead = Math.max(0, phase - 1);
    const isLast = phase > 0 && numRead === numDecimals;
    const next = phase === 0 ? 0 : phase + 1;
    const byDigit = Array.from({ length: isLast ? 1 : 10 }, (_unused, digit) => ({
      first: zero + digit,
      last: zero + digit,
      target: isLast ? index : stateOf(next, (remainder * 10 + digit) % modulus),
    }));
    return {
      isFinal: (BigInt(remainder) * 10n ** BigInt(numDecimals - numRead)) % digits === 0n,
      bytes: [
        ...(index === 0 ? [{ first: minus, last: minus, target: 0 }] : []),
        ...(phase === 0 && numPhases > 1 ? [{ first: point, last: point, target: stateOf(1, remainder) }] : []),
        ...byDigit,
      ],
      rules: [],
    };
  });
}
