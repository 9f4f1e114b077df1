import type { Expression } from "#ingress/grammar/expression.ts";
import { type Automaton, type ByteEdge, type RuleEdge, TooManyStates } from "./automaton.ts";
import type { Effort } from "./effort.ts";
import { utf8Sequences } from "./utf8-sequences.ts";

/** Most states before they are made deterministic: repetitions are written out. */
const MAX_NFA_STATES = 100_000;
/** Expressions inside each other: more would take more of the stack than there may be left. */
const MAX_NESTING = 1536;

interface NfaState {
  readonly empty: number[];
  readonly bytes: ByteEdge[];
  readonly rules: RuleEdge[];
}

/** A nondeterministic automaton with empty moves. */
export interface Nfa {
  readonly states: readonly NfaState[];
  readonly start: number;
  readonly end: number;
}

/**
 * The expression's automaton. Source: K. Thompson, "Regular Expression Search Algorithm", CACM 11 (1968).
 *
 * @param spliceOf what is put in the place of a rule's name; undefined leaves the name. @throws TooManyStates
 */
export function createNfa(
  expression: Expression,
  spliceOf: (rule: string) => Automaton | undefined,
  effort: Effort,
): Nfa {
  const builder = new NfaBuilder(spliceOf, effort);
  const start = builder.add();
  const end = builder.build(expression, start);
  return { states: builder.states, start, end };
}

class NfaBuilder {
  readonly states: NfaState[] = [];
  readonly #spliceOf: (rule: string) => Automaton | undefined;
  readonly #effort: Effort;
  #depth = 0;

  constructor(spliceOf: (rule: string) => Automaton | undefined, effort: Effort) {
    this.#spliceOf = spliceOf;
    this.#effort = effort;
  }

  add(): number {
    if (this.states.length >= MAX_NFA_STATES) throw new TooManyStates();
    this.#effort.spend(1);
    return this.states.push({ empty: [], bytes: [], rules: [] }) - 1;
  }

  /** @returns the state after it. */
  build(expression: Expression, from: number): number {
    this.#depth += 1;
    if (this.#depth > MAX_NESTING) throw new TooManyStates();
    const to = this.#build(expression, from);
    this.#depth -= 1;
    return to;
  }

  #build(expression: Expression, from: number): number {
    switch (expression.kind) {
      case "text": {
        const bytes = new TextEncoder().encode(expression.text);
        const to = this.add();
        this.#addBytes(
          Array.from(bytes, (byte) => [byte, byte] as const),
          from,
          to,
        );
        return to;
      }
      case "chars": {
        const to = this.add();
        for (const sequence of utf8Sequences(expression.set)) this.#addBytes(sequence, from, to);
        return to;
      }
      case "sequence": {
        let at = from;
        for (const part of expression.parts) at = this.build(part, at);
        return at;
      }
      case "choice": {
        const to = this.add();
        for (const choice of expression.choices) this.#state(this.build(choice, this.#skipFrom(from))).empty.push(to);
        return to;
      }
      case "repeat":
        return this.#buildRepeat(expression, from);
      case "rule": {
        const splice = this.#spliceOf(expression.name);
        if (splice !== undefined) return this.#buildAutomaton(splice, from);
        const to = this.add();
        this.#state(from).rules.push({ rule: expression.name, target: to });
        return to;
      }
      case "automaton":
        return this.#buildAutomaton(expression.automaton, from);
    }
  }

  #buildRepeat({ part, min, max }: Extract<Expression, { kind: "repeat" }>, from: number): number {
    let at = from;
    for (let count = 0; count < min; count += 1) at = this.build(part, at);
    if (max === Infinity) {
      const loop = this.#skipFrom(at);
      this.#state(this.build(part, loop)).empty.push(loop);
      return this.#skipFrom(loop);
    }
    const to = this.add();
    this.#state(at).empty.push(to);
    for (let count = min; count < max; count += 1) {
      at = this.build(part, this.#skipFrom(at));
      this.#state(at).empty.push(to);
    }
    return to;
  }

  #buildAutomaton(automaton: Automaton, from: number): number {
    const to = this.add();
    const ids = automaton.map(() => this.add());
    this.#state(from).empty.push(ids[0] ?? to);
    for (const [index, state] of automaton.entries()) {
      const copy = this.#state(ids[index] ?? to);
      this.#effort.spend(state.bytes.length);
      copy.bytes.push(...state.bytes.map((edge) => ({ ...edge, target: ids[edge.target] ?? to })));
      copy.rules.push(...state.rules.map((edge) => ({ ...edge, target: ids[edge.target] ?? to })));
      if (state.isFinal) copy.empty.push(to);
    }
    return to;
  }

  #addBytes(sequence: readonly (readonly [number, number])[], from: number, to: number): void {
    let at = from;
    this.#effort.spend(sequence.length);
    for (const [index, [first, last]] of sequence.entries()) {
      const target = index === sequence.length - 1 ? to : this.add();
      this.#state(at).bytes.push({ first, last, target });
      at = target;
    }
  }

  /** A new state that is entered without a move. */
  #skipFrom(from: number): number {
    const to = this.add();
    this.#state(from).empty.push(to);
    return to;
  }

  #state(id: number): NfaState {
    const state = this.states[id];
    if (state === undefined) throw new Error(`no state ${id}`);
    return state;
  }
}
