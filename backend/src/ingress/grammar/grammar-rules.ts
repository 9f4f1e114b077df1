import { type Automaton, matchesNothing } from "./automaton/automaton.ts";
import { determinize } from "./automaton/determinize.ts";
import { Effort } from "./automaton/effort.ts";
import { minimize } from "./automaton/minimize.ts";
import { createNfa } from "./automaton/nfa.ts";
import { writeAutomaton } from "./automaton/write-automaton.ts";
import type { Expression, RuleName } from "./expression.ts";

const rootName = "root";

/** The smallest automaton of an expression without rules. @throws TooManyStates */
export function automatonOf(expression: Expression, effort: Effort): Automaton {
  return minimize(determinize(createNfa(expression, standsAlone, effort), effort), effort);
}

function standsAlone(rule: string): never {
  throw new Error(`the rule ${rule} in an expression that stands alone`);
}

/** Whether it only names another rule. */
function isOtherName([start, end, ...others]: Automaton): boolean {
  if (start === undefined || end === undefined || others.length > 0) return false;
  const isOneRule = start.rules.length === 1 && start.bytes.length === 0 && !start.isFinal;
  return isOneRule && end.isFinal && end.rules.length === 0 && end.bytes.length === 0;
}

interface FinishedRule {
  readonly text: string;
  readonly references: ReadonlySet<string>;
  /** What is put into the rules that refer to it: see write-automaton.ts. */
  readonly splice: Automaton | undefined;
}

/** The named rules of one grammar. Rules may refer to each other, and to themselves behind something else. */
export class GrammarRules {
  /** For all that has to be done to write them. */
  readonly effort = new Effort();
  /** In an order in which each rule stands behind those that it refers to, unless they refer to it. */
  readonly #bodies = new Map<RuleName, Expression>();
  /** key -> the rule, for rules that are asked for more than once. */
  readonly #shared = new Map<string, Expression>();
  #numNames = 0;

  /** A new rule. */
  add(body: Expression): Expression {
    const name = this.#newName();
    this.#bodies.set(name, body);
    return { kind: "rule", name };
  }

  /** The rule of that key; `write` is called for its body the first time, and may ask for the same key. */
  shared(key: string, write: () => Expression): Expression {
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    const name = this.#newName();
    const rule: Expression = { kind: "rule", name };
    this.#shared.set(key, rule);
    this.#bodies.set(name, write());
    return rule;
  }

  /**
   * The whole grammar, which matches `root`: each rule as the smallest automaton that matches the same.
   *
   * @throws TooManyStates
   */
  toText(root: Expression): string {
    const finished = new Map<string, FinishedRule>();
    for (const [name, body] of [...this.#bodies, [rootName, root] as const]) {
      const splice = (rule: string): Automaton | undefined => finished.get(rule)?.splice;
      finished.set(
        name,
        this.#finish(name, minimize(determinize(createNfa(body, splice, this.effort), this.effort), this.effort)),
      );
    }
    const reached = new Set([rootName]);
    for (const name of reached) for (const rule of finished.get(name)?.references ?? []) reached.add(rule);
    return [...reached].map((name) => finished.get(name)?.text ?? "").join("");
  }

  #finish(name: string, automaton: Automaton): FinishedRule {
    if (matchesNothing(automaton)) throw new Error(`nothing matches the rule ${name}`);
    const written = writeAutomaton(automaton, name, () => this.#newName());
    const references = new Set(automaton.flatMap(({ rules }) => rules.map(({ rule }) => rule)));
    const isAlone = references.size === 0 && written.size === 1;
    return {
      text: [...written].map(([each, body]) => `${each} ::= ${body}\n`).join(""),
      references,
      splice: isAlone || isOtherName(automaton) ? automaton : undefined,
    };
  }

  #newName(): RuleName {
    this.#numNames += 1;
    return `r${this.#numNames}` as RuleName;
  }
}
