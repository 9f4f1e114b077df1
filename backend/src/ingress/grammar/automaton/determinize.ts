import { type ByteEdge, MAX_STATES, type State, TooManyStates } from "./automaton.ts";
import type { Effort } from "./effort.ts";
import type { Nfa } from "./nfa.ts";

/**
 * One state for each set of states that the automaton can be in at once. It may have dead ends, and states that mean the same.
 *
 * @throws TooManyStates
 */
export function determinize(nfa: Nfa, effort: Effort): State[] {
  const closures = new Closures(nfa, effort);
  const sets: (readonly number[])[] = [];
  /** members -> index in `sets`. */
  const known = new Map<string, number>();
  const indexOf = (entered: readonly number[]): number => {
    const members = closures.of(entered);
    const key = members.join();
    const found = known.get(key);
    if (found !== undefined) return found;
    if (sets.length >= MAX_STATES) throw new TooManyStates();
    known.set(key, sets.length);
    return sets.push(members) - 1;
  };
  indexOf([nfa.start]);
  const states: State[] = [];
  for (let index = 0; index < sets.length; index += 1) {
    const members = sets[index] ?? [];
    const edges = members.flatMap((id) => nfa.states[id]?.bytes ?? []);
    const ranges = splitRanges(edges, effort);
    const bytes = ranges.map(({ first, last, targets }) => ({ first, last, target: indexOf(targets) }));
    const byRule = Map.groupBy(
      members.flatMap((id) => nfa.states[id]?.rules ?? []),
      ({ rule }) => rule,
    );
    const rules = [...byRule].map(([rule, same]) => ({ rule, target: indexOf(same.map(({ target }) => target)) }));
    states.push({
      isFinal: members.includes(nfa.end),
      bytes,
      rules: rules.toSorted((a, b) => (a.rule < b.rule ? -1 : 1)),
    });
  }
  return states;
}

/** What can be reached without a move. */
class Closures {
  readonly #nfa: Nfa;
  readonly #effort: Effort;
  /** state -> the last question in whose answer it was. */
  readonly #reachedIn: Uint32Array;
  #numAsked = 0;

  constructor(nfa: Nfa, effort: Effort) {
    this.#nfa = nfa;
    this.#effort = effort;
    this.#reachedIn = new Uint32Array(nfa.states.length);
  }

  /** From any of the states, themselves included: those that are the end or can be left by a move, ascending. */
  of(entered: readonly number[]): readonly number[] {
    this.#numAsked += 1;
    const reached: number[] = [];
    this.#reach(entered, reached);
    for (const id of reached) this.#reach(this.#nfa.states[id]?.empty ?? [], reached);
    const moving = reached.filter((id) => {
      const { bytes = [], rules = [] } = this.#nfa.states[id] ?? {};
      return id === this.#nfa.end || bytes.length > 0 || rules.length > 0;
    });
    return moving.toSorted((a, b) => a - b);
  }

  #reach(ids: readonly number[], reached: number[]): void {
    this.#effort.spend(ids.length);
    for (const id of ids) {
      if (this.#reachedIn[id] === this.#numAsked) continue;
      this.#reachedIn[id] = this.#numAsked;
      reached.push(id);
    }
  }
}

/** The ranges within which all bytes lead to the same states. */
function splitRanges(edges: readonly ByteEdge[], effort: Effort): { first: number; last: number; targets: number[] }[] {
  const bounds = [...new Set(edges.flatMap(({ first, last }) => [first, last + 1]))].toSorted((a, b) => a - b);
  const ranges = bounds.slice(0, -1).map((first, index) => {
    return { first, last: (bounds[index + 1] ?? first) - 1, targets: [] as number[] };
  });
  const indexAt = new Map(bounds.map((bound, index) => [bound, index]));
  for (const { first, last, target } of edges) {
    const covered = ranges.slice(indexAt.get(first), indexAt.get(last + 1));
    effort.spend(covered.length);
    for (const { targets } of covered) targets.push(target);
  }
  return ranges.filter(({ targets }) => targets.length > 0);
}
