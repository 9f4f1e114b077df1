import type { Automaton, State } from "./automaton.ts";

/** What a state may go on with to get to one other state. */
export type Label =
  /** One byte of the ranges, or, if `isFar`, any character beyond ASCII; the ranges are then ASCII. */
  | { readonly kind: "bytes"; readonly ranges: readonly (readonly [number, number])[]; readonly isFar: boolean }
  | { readonly kind: "rule"; readonly rule: string };

export interface Arm {
  readonly label: Label;
  readonly target: number;
}

const lastAscii = 0x7f;

/** The ways out of a state, of which no two begin alike: one for each target, and for each rule. */
export function armsOf(automaton: Automaton, state: State): Arm[] {
  const far = farTarget(automaton, state);
  const near = far === undefined ? state.bytes : state.bytes.filter(({ first }) => first <= lastAscii);
  const targets = new Set([...near.map(({ target }) => target), ...(far === undefined ? [] : [far])]);
  const bytes = [...targets].flatMap((target): Arm[] => {
    const ranges = near.filter((edge) => edge.target === target).map(({ first, last }) => [first, last] as const);
    const isAllAscii = ranges[0]?.[0] === 0 && ranges[0][1] === lastAscii;
    // XGrammar has no class of all characters.
    const parts =
      target === far && isAllAscii
        ? [
            { ranges: [], isFar: true },
            { ranges, isFar: false },
          ]
        : [{ ranges, isFar: target === far }];
    return parts.map((part) => ({ label: { kind: "bytes", ...part }, target }));
  });
  const rules = state.rules.map(({ rule, target }): Arm => ({ label: { kind: "rule", rule }, target }));
  return [...bytes, ...rules];
}

/** The first bytes of characters beyond ASCII, by how many bytes follow them. */
const leads = [
  { numMore: 1, first: 0xc0, last: 0xdf },
  { numMore: 2, first: 0xe0, last: 0xef },
  { numMore: 3, first: 0xf0, last: 0xf7 },
];

/** Where every character beyond ASCII leads to, if all lead to one state. */
function farTarget(automaton: Automaton, state: State): number | undefined {
  const far = state.bytes.filter(({ first }) => first > lastAscii);
  if (far.length !== leads.length) return undefined;
  const targets = leads.map(({ numMore, first, last }, index) => {
    const edge = far[index];
    return edge?.first === first && edge.last === last ? after(automaton, edge.target, numMore) : undefined;
  });
  const [target] = targets;
  return targets.every((each) => each === target) ? target : undefined;
}

/** The state behind so many bytes that go on with a character, if nothing else can come. */
function after(automaton: Automaton, from: number, numBytes: number): number | undefined {
  if (numBytes === 0) return from;
  const state = automaton[from];
  const [edge] = state?.bytes ?? [];
  const isOnly = state?.bytes.length === 1 && state.rules.length === 0 && !state.isFinal;
  if (!isOnly || edge?.first !== 0x80 || edge.last !== 0xbf) return undefined;
  return after(automaton, edge.target, numBytes - 1);
}
