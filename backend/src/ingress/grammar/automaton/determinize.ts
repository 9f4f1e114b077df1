import { type ByteEdge, MAX_STATES, type State, TooManyStates } from "./automaton.ts";
import type { Nfa } from "./nfa.ts";

/** Most members of all sets: whoever sends a pattern must not hold up the others for long. */
const MAX_MEMBERS = 500_000;

/**
 * One state for each set of states that the automaton can be in at once. It may have dead ends, and states that mean the same.
 *
 * @throws TooManyStates
 */
export function determinize(nfa: Nfa): State[] {
  const movingFrom = findMoving(nfa);
  const sets: (readonly number[])[] = [];
  let numMembers = 0;
  /** members -> index in `sets`. */
  const known = new Map<string, number>();
  const indexOf = (entered: readonly number[]): number => {
    const members = union(entered.map(movingFrom));
    const key = members.join();
    const found = known.get(key);
    if (found !== undefined) return found;
    numMembers += members.length;
    if (sets.length >= MAX_STATES || numMembers > MAX_MEMBERS) throw new TooManyStates();
    known.set(key, sets.length);
    return sets.push(members) - 1;
  };
  indexOf([nfa.start]);
  const states: State[] = [];
  for (let index = 0; index < sets.length; index += 1) {
    const members = sets[index] ?? [];
    const edges = members.flatMap((id) => nfa.states[id]?.bytes ?? []);
    const bytes = splitRanges(edges).map(({ first, last, targets }) => ({ first, last, target: indexOf(targets) }));
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

/** For a state, those that can be reached from it without a move and are the end or can be left by a move. */
function findMoving(nfa: Nfa): (id: number) => readonly number[] {
  const found = new Map<number, readonly number[]>();
  return (id) => {
    const known = found.get(id);
    if (known !== undefined) return known;
    const reached = new Set([id]);
    for (const each of reached) for (const next of nfa.states[each]?.empty ?? []) reached.add(next);
    const moving = [...reached].filter((each) => {
      const { bytes = [], rules = [] } = nfa.states[each] ?? {};
      return each === nfa.end || bytes.length > 0 || rules.length > 0;
    });
    const sorted = moving.toSorted((a, b) => a - b);
    found.set(id, sorted);
    return sorted;
  };
}

/** @param lists ascending, each. */
function union(lists: readonly (readonly number[])[]): readonly number[] {
  const [only, ...others] = lists;
  return only !== undefined && others.length === 0 ? only : [...new Set(lists.flat())].toSorted((a, b) => a - b);
}

/** The ranges within which all bytes lead to the same states. */
function splitRanges(edges: readonly ByteEdge[]): { first: number; last: number; targets: number[] }[] {
  const bounds = [...new Set(edges.flatMap(({ first, last }) => [first, last + 1]))].toSorted((a, b) => a - b);
  return bounds.slice(0, -1).flatMap((first, index) => {
    const last = (bounds[index + 1] ?? first) - 1;
    const targets = edges.filter((edge) => edge.first <= first && edge.last >= last).map(({ target }) => target);
    return targets.length === 0 ? [] : [{ first, last, targets }];
  });
}
