/** Bytes `first` to `last` lead to a state. */
export interface ByteEdge {
  readonly first: number;
  readonly last: number;
  readonly target: number;
}

/** A whole rule leads to a state. */
export interface RuleEdge {
  readonly rule: string;
  readonly target: number;
}

export interface State {
  /** Whether a text may end here. */
  readonly isFinal: boolean;
  /** Ascending, and not overlapping. */
  readonly bytes: readonly ByteEdge[];
  /** Each rule once, by name. */
  readonly rules: readonly RuleEdge[];
}

/**
 * A deterministic finite automaton over the bytes of UTF-8 and over rules. What it says of bytes that are no UTF-8 means nothing.
 * It starts in state 0; from each other state a final one can be reached. Without any final state it matches nothing.
 */
export type Automaton = readonly State[];

/** Most states of one automaton, before it is minimised: more would take the grammar's readers seconds. */
export const MAX_STATES = 8192;

/** A rule that takes more states than there may be. */
export class TooManyStates extends Error {
  constructor() {
    super("it is too complex");
  }
}

export function matchesNothing(automaton: Automaton): boolean {
  return !automaton.some((state) => state.isFinal);
}
