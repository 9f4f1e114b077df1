// Writes automata in XGrammar's EBNF (docs/tutorials/ebnf of mlc-ai/xgrammar). XGrammar makes an automaton of each rule, and
// 0.1.27 then merges states that it should not, where two ways out of a state begin with the same bytes or the same rule:
// `"ca" | "aaa" | "aab"` takes `cb`, and `[a-z]* [a-z] "c"` takes `c` (mlc-ai/xgrammar #618 and #911: in
// MergeEquivalentSuccessors, "case 1" needs two edges of one label, and is right only where "case 2" or the start is not
// concerned). Hence:
//
// 1. Within one rule no two alternatives begin with a byte or a rule in common. Automata are deterministic, so theirs do not.
// 2. A rule in which no other is named is put into those that name it, since XGrammar would do so itself (RuleInliner), and
//    alternatives that began with different rules could then begin alike.
// 3. Where ways part, a new rule begins, which stands last in the rule that names it: that is what XGrammar takes without
//    remembering how it came there, and reads masks for that were made beforehand.
import { type Arm, armsOf, type Label } from "./arms.ts";
import type { Automaton } from "./automaton.ts";
import { classOf, literalOf } from "./ebnf.ts";

/** name -> body. */
export type WrittenRules = ReadonlyMap<string, string>;

/** @param name of the rule that matches what the automaton does. @param newName for the others that it takes. */
export function writeAutomaton(automaton: Automaton, name: string, newName: () => string): WrittenRules {
  return new AutomatonWriter(automaton, name, newName).write();
}

class AutomatonWriter {
  readonly #arms: readonly (readonly Arm[])[];
  readonly #isFinal: readonly boolean[];
  /** How many arms of other states lead to each; the start has one that comes from outside. */
  readonly #numEntries: number[];
  readonly #newName: () => string;
  /** state -> the rule that begins there. */
  readonly #names: Map<number, string>;
  readonly #written = new Map<string, string>();

  constructor(automaton: Automaton, name: string, newName: () => string) {
    this.#arms = automaton.map((state) => armsOf(automaton, state));
    this.#isFinal = automaton.map(({ isFinal }) => isFinal);
    this.#numEntries = automaton.map(() => 0);
    this.#numEntries[0] = 1;
    for (const [state, arms] of this.#arms.entries()) {
      for (const { target } of arms)
        if (target !== state) this.#numEntries[target] = (this.#numEntries[target] ?? 0) + 1;
    }
    this.#newName = newName;
    this.#names = new Map([[0, name]]);
  }

  write(): WrittenRules {
    // Rules that are named while others are written come behind them.
    for (const [state, name] of this.#names) this.#written.set(name, this.#bodyOf(state));
    return this.#written;
  }

  #bodyOf(state: number): string {
    const { loop, others } = this.#waysOut(state);
    const mayEnd = this.#isFinal[state] === true;
    if (loop === undefined) return this.#alternatives(others, mayEnd);
    const [only] = others;
    if (only === undefined) return joined([...loop]);
    if (others.length === 1 && !mayEnd) return joined([...loop, ...this.#pathOf(only)]);
    const name = this.#newName();
    this.#written.set(name, this.#alternatives(others, mayEnd));
    return joined([...loop, name]);
  }

  #alternatives(arms: readonly Arm[], mayEnd: boolean): string {
    const written = arms.map((arm) => joined(this.#pathOf(arm)));
    return [...(mayEnd || written.length === 0 ? ['""'] : []), ...written].join(" | ");
  }

  /** An arm and what can only follow it, up to where ways part or meet. */
  #pathOf(arm: Arm): Piece[] {
    const pieces = [...piecesOf(arm.label)];
    for (let state = arm.target; ;) {
      const { loop, others } = this.#waysOut(state);
      const [next] = others;
      const mayEnd = this.#isFinal[state] === true;
      if (next === undefined && loop === undefined) return pieces;
      const isPlain = this.#numEntries[state] === 1 && others.length === (mayEnd ? 0 : 1);
      if (!isPlain) return [...pieces, this.#nameOf(state)];
      pieces.push(...(loop ?? []));
      if (next === undefined) return pieces;
      pieces.push(...piecesOf(next.label));
      state = next.target;
    }
  }

  /** The arms of a state, and apart from them what may be repeated before. */
  #waysOut(state: number): { readonly loop: readonly Piece[] | undefined; readonly others: readonly Arm[] } {
    const arms = this.#arms[state] ?? [];
    const own = arms.find(({ label, target }) => target === state && label.kind === "bytes");
    if (own?.label.kind !== "bytes") return { loop: undefined, others: arms };
    return { loop: [`${classOf(own.label)}*`], others: arms.filter((arm) => arm !== own) };
  }

  #nameOf(state: number): string {
    const known = this.#names.get(state);
    if (known !== undefined) return known;
    const name = this.#newName();
    this.#names.set(state, name);
    return name;
  }
}

/** A part of a sequence: as it is written, or a byte of what may become a literal. */
type Piece = string | number;

function piecesOf(label: Label): readonly Piece[] {
  if (label.kind === "rule") return [label.rule];
  const [range] = label.ranges;
  const isByte = label.ranges.length === 1 && !label.isFar && range?.[0] === range?.[1];
  return [isByte && range !== undefined ? range[0] : classOf(label)];
}

function joined(pieces: readonly Piece[]): string {
  const parts: string[] = [];
  const bytes: number[] = [];
  const flush = (): void => {
    parts.push(...literalOf(Uint8Array.from(bytes.splice(0))));
  };
  for (const piece of pieces) {
    if (typeof piece === "number") {
      bytes.push(piece);
      continue;
    }
    flush();
    parts.push(piece);
  }
  flush();
  return parts.join(" ");
}
