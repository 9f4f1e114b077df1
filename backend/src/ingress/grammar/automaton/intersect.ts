import { type Automaton, MAX_STATES, type State, TooManyStates } from "./automaton.ts";
import type { Effort } from "./effort.ts";
import { minimize } from "./minimize.ts";

/** What both match. @param a without rules. @param b without rules. @throws TooManyStates */
export function intersect(a: Automaton, b: Automaton, effort: Effort): Automaton {
  const pairs: (readonly [number, number])[] = [];
  /** pair -> its index. */
  const known = new Map<string, number>();
  const indexOf = (one: number, other: number): number => {
    const key = `${one} ${other}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    if (pairs.length >= MAX_STATES) throw new TooManyStates();
    known.set(key, pairs.length);
    return pairs.push([one, other]) - 1;
  };
  indexOf(0, 0);
  const states: State[] = [];
  for (let index = 0; index < pairs.length; index += 1) {
    const [one, other] = pairs[index] ?? [0, 0];
    const [left, right] = [a[one], b[other]];
    if (left === undefined || right === undefined) throw new Error("no such state");
    if (left.rules.length > 0 || right.rules.length > 0) throw new Error("rules cannot be intersected");
    effort.spend(left.bytes.length * right.bytes.length);
    const bytes = left.bytes.flatMap((edge) =>
      right.bytes
        .map((their) => ({
          first: Math.max(edge.first, their.first),
          last: Math.min(edge.last, their.last),
          targets: [edge.target, their.target] as const,
        }))
        .filter(({ first, last }) => first <= last)
        .map(({ first, last, targets }) => ({ first, last, target: indexOf(...targets) })),
    );
    states.push({ isFinal: left.isFinal && right.isFinal, bytes, rules: [] });
  }
  return minimize(states, effort);
}
