// Source: A. Valmari, "Fast brief practical DFA minimization", Information Processing Letters 112 (2012): states that cannot be
// told apart are found by refining a partition of the states and one of the moves in turns, in O(m log n).
import type { Automaton, ByteEdge, State } from "./automaton.ts";
import type { Effort } from "./effort.ts";
import { Partition } from "./partition.ts";

/** The smallest automaton that matches the same, its states numbered as they are reached. @throws TooManyStates */
export function minimize(states: readonly State[], effort: Effort): Automaton {
  const live = liveStates(states);
  if (live[0] !== true) return [{ isFinal: false, bytes: [], rules: [] }];
  const moves = movesOf(states, live, effort);
  const blocks = refine(states, moves);
  return rebuild(states, live, blocks);
}

interface Move {
  readonly tail: number;
  /** Moves of one label have their bytes, or their rule, in common; of two labels, nothing. */
  readonly label: number;
  readonly head: number;
}

/** Whether a final state can be reached from each. */
function liveStates(states: readonly State[]): boolean[] {
  const before = states.map((): number[] => []);
  for (const [index, state] of states.entries()) {
    for (const { target } of [...state.bytes, ...state.rules]) before[target]?.push(index);
  }
  const live = new Set(states.flatMap((state, index) => (state.isFinal ? [index] : [])));
  for (const index of live) for (const previous of before[index] ?? []) live.add(previous);
  return states.map((_, index) => live.has(index));
}

/** The moves between live states. Ranges of bytes are cut where any begins or ends. */
function movesOf(states: readonly State[], live: readonly boolean[], effort: Effort): Move[] {
  const bounds = [...new Set(states.flatMap(({ bytes }) => bytes.flatMap(({ first, last }) => [first, last + 1])))];
  const cuts = bounds.toSorted((a, b) => a - b);
  const cutAt = new Map(cuts.map((bound, index) => [bound, index]));
  const rules = new Map<string, number>();
  const moves: Move[] = [];
  for (const [tail, state] of states.entries()) {
    if (live[tail] !== true) continue;
    for (const { first, last, target } of state.bytes) {
      if (live[target] !== true) continue;
      const [from, to] = [cutAt.get(first) ?? 0, cutAt.get(last + 1) ?? 0];
      effort.spend(to - from);
      for (let label = from; label < to; label += 1) moves.push({ tail, label, head: target });
    }
    for (const { rule, target } of state.rules) {
      const label = rules.get(rule) ?? cuts.length + rules.size;
      rules.set(rule, label);
      if (live[target] === true) moves.push({ tail, label, head: target });
    }
  }
  return moves;
}

/** The block of each state. */
function refine(states: readonly State[], moves: readonly Move[]): (state: number) => number {
  const blocks = new Partition([...states.keys()]);
  for (const [index, state] of states.entries()) if (state.isFinal) blocks.mark(index);
  blocks.split();
  const labels = [...Map.groupBy(moves.keys(), (index) => moves[index]?.label).values()];
  const cords = new Partition(
    labels.flat(),
    labels.map((same) => same.length),
  );
  const movesInto = states.map((): number[] => []);
  for (const [index, { head }] of moves.entries()) movesInto[head]?.push(index);
  let numBlocksDone = 1;
  for (let cord = 0; cord < cords.size; cord += 1) {
    for (const move of cords.membersOf(cord)) blocks.mark(moves[move]?.tail ?? 0);
    blocks.split();
    for (; numBlocksDone < blocks.size; numBlocksDone += 1) {
      for (const state of blocks.membersOf(numBlocksDone)) for (const move of movesInto[state] ?? []) cords.mark(move);
      cords.split();
    }
  }
  return (state) => blocks.setOf(state);
}

function rebuild(states: readonly State[], live: readonly boolean[], blockOf: (state: number) => number): Automaton {
  /** block -> its number, and the state that stands for it. */
  const numbers = new Map([[blockOf(0), 0]]);
  const representatives = [0];
  const numberOf = (state: number): number => {
    const known = numbers.get(blockOf(state));
    if (known !== undefined) return known;
    numbers.set(blockOf(state), representatives.length);
    return representatives.push(state) - 1;
  };
  const minimal: State[] = [];
  for (let index = 0; index < representatives.length; index += 1) {
    const { isFinal, bytes, rules } = states[representatives[index] ?? 0] ?? { isFinal: false, bytes: [], rules: [] };
    minimal.push({
      isFinal,
      bytes: joinRanges(
        bytes.filter(({ target }) => live[target] === true).map((edge) => ({ ...edge, target: numberOf(edge.target) })),
      ),
      rules: rules
        .filter(({ target }) => live[target] === true)
        .map((edge) => ({ ...edge, target: numberOf(edge.target) })),
    });
  }
  return minimal;
}

function joinRanges(edges: readonly ByteEdge[]): ByteEdge[] {
  const joined: ByteEdge[] = [];
  for (const edge of edges) {
    const newest = joined.at(-1);
    if (newest !== undefined && newest.target === edge.target && newest.last + 1 === edge.first) {
      joined[joined.length - 1] = { ...newest, last: edge.last };
    } else {
      joined.push(edge);
    }
  }
  return joined;
}
