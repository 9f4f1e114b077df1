import { AppError } from "@sluice/shared/errors.ts";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { differences, randomPatterns, textsOf } from "#ingress/fixtures/random-patterns.ts";
import { GrammarRules } from "#ingress/grammar/grammar-rules.ts";
import { planGrammar } from "#ingress/grammar/plan-grammar.ts";
import { Dice } from "../soak/dice.ts";
import { checkSchema, type SchemaCheck } from "./check-schema.ts";
import { randomSchemas } from "./random-schemas.ts";

/** Letters that share no byte, the first, the first two, and the last. */
const alphabets = [
  ["a", "b", "c"],
  ["a", "é", "è"],
  ["€", "₭", "\u2028", "¬"],
];

export interface PatternReport {
  readonly numPatterns: number;
  readonly numTexts: number;
  readonly problems: readonly string[];
}

/** Holds grammars of random patterns, put into rules at random, against RegExp, by all short texts. */
export function checkRandomPatterns(numPatterns: number, seed = 1): PatternReport {
  const report = { numPatterns: 0, numTexts: 0, problems: [] as string[] };
  for (const alphabet of alphabets) {
    const texts = textsOf(alphabet, alphabet.length === 3 ? 5 : 4);
    const numRuns = Math.ceil(numPatterns / alphabets.length);
    for (const { source, build } of fc.sample(randomPatterns(alphabet), { numRuns, seed })) {
      const rules = new GrammarRules();
      const inRules = differences(rules.toText(build(rules)), source, texts);
      const parsed = differences(planGrammar({ guided_regex: source })?.ebnf ?? "", source, texts);
      report.numPatterns += 1;
      report.numTexts += 2 * texts.length;
      for (const text of [...inRules, ...parsed]) report.problems.push(`${source}: ${JSON.stringify(text)}`);
    }
  }
  return report;
}

export interface SchemaReport {
  readonly numSchemas: number;
  /** Schemas under which nothing is valid, or that are refused. */
  readonly numRefused: number;
  readonly numEnded: number;
  readonly numNear: number;
  readonly problems: readonly string[];
}

/** Holds grammars of random schemas against ajv. See check-schema.ts. */
export function checkRandomSchemas(check: Omit<SchemaCheck, "dice">, numSchemas: number, seed = 1): SchemaReport {
  const ajv = new Ajv2020({ strict: false });
  const dice = new Dice(seed);
  const report = { numSchemas: 0, numRefused: 0, numEnded: 0, numNear: 0, problems: [] as string[] };
  for (const schema of fc.sample(randomSchemas, { numRuns: numSchemas, seed })) {
    report.numSchemas += 1;
    const ebnf = ebnfOf(schema);
    if (ebnf === undefined) {
      report.numRefused += 1;
      continue;
    }
    const { problems, numEnded, numNear } = checkSchema(ebnf, ajv.compile(schema), 5, { ...check, dice });
    report.numEnded += numEnded;
    report.numNear += numNear;
    for (const problem of problems) report.problems.push(`${JSON.stringify(schema)}: ${problem}`);
  }
  return report;
}

/** Undefined when nothing is valid, or no grammar says what is. */
function ebnfOf(schema: object): string | undefined {
  try {
    return planGrammar({ guided_json: schema })?.ebnf;
  } catch (thrown) {
    if (thrown instanceof AppError) return undefined;
    throw thrown;
  }
}
