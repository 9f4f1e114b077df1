import { AppError } from "@sluice/shared/errors.ts";
import { TooManyStates } from "./automaton/automaton.ts";
import { type Expression, oneOfTexts } from "./expression.ts";
import { GrammarRules } from "./grammar-rules.ts";
import { anyJsonObject } from "./json-text.ts";
import { anchoredRegex, lowerRegex } from "./regex/lower-regex.ts";
import { parseRegex, RegexRefusal } from "./regex/parse-regex.ts";
import { lowerSchema } from "./schema/lower-schema.ts";

/** What the output must be. */
export interface GrammarPlan {
  /** In XGrammar's EBNF. */
  readonly ebnf: string;
  /** The request's parameter that asks for it. */
  readonly param: string;
}

/** The fields of a request, chat or not, that say what the output must be. */
export interface StructuredOutputFields {
  readonly response_format?:
    | { readonly type: "text" | "json_object" }
    | { readonly type: "json_schema"; readonly json_schema: { readonly schema?: unknown } }
    | null
    | undefined;
  readonly structured_outputs?:
    | {
        readonly json?: unknown;
        readonly json_object?: boolean | null | undefined;
        readonly regex?: string | null | undefined;
        readonly choice?: readonly string[] | null | undefined;
      }
    | null
    | undefined;
  readonly guided_json?: unknown;
  readonly guided_regex?: string | null | undefined;
  readonly guided_choice?: readonly string[] | null | undefined;
}

/** A parameter that was given, and how it is written as a grammar. */
export interface Demand {
  readonly param: string;
  readonly write: (rules: GrammarRules) => Expression;
}

/** Most bytes of a grammar's text; the engines have a limit of their own. */
const MAX_GRAMMAR_BYTES = 256 * 1024;

/**
 * Undefined when the output may be anything. Throws `unsupported_parameter` and `invalid_value` naming what cannot be enforced,
 * and `invalid_value` when more than one parameter says what the output must be.
 */
export function planGrammar(fields: StructuredOutputFields): GrammarPlan | undefined {
  const demand = findDemand(fields);
  return demand && writeGrammar(demand.param, demand.write);
}

/** What the request asks for; undefined when nothing. @throws AppError when it asks for two things. */
export function findDemand(fields: StructuredOutputFields): Demand | undefined {
  const [demand, other] = demandsOf(fields);
  if (other !== undefined) {
    const publicText =
      "Only one of 'response_format', 'structured_outputs' and 'guided_…' may say what the output must be.";
    throw new AppError("invalid_value", { param: other.param, publicText });
  }
  return demand;
}

/** @throws AppError `invalid_grammar` when it gets too long, or takes too many states. */
export function writeGrammar(param: string, write: (rules: GrammarRules) => Expression): GrammarPlan {
  try {
    const rules = new GrammarRules();
    const ebnf = rules.toText(write(rules));
    if (ebnf.length > MAX_GRAMMAR_BYTES) throw new AppError("invalid_grammar", { param });
    return { ebnf, param };
  } catch (thrown) {
    if (thrown instanceof TooManyStates) throw new AppError("invalid_grammar", { param, cause: thrown });
    throw thrown;
  }
}

function demandsOf(fields: StructuredOutputFields): Demand[] {
  const { response_format: format, structured_outputs: outputs } = fields;
  const demands: (Demand | undefined)[] = [
    format?.type === "json_object" ? anyObject("response_format") : undefined,
    format?.type === "json_schema"
      ? schema(format.json_schema.schema ?? {}, "response_format.json_schema.schema")
      : undefined,
    outputs?.json_object === true ? anyObject("structured_outputs.json_object") : undefined,
    schemaOrText(outputs?.json, "structured_outputs.json"),
    regex(outputs?.regex, "structured_outputs.regex"),
    choice(outputs?.choice, "structured_outputs.choice"),
    schemaOrText(fields.guided_json, "guided_json"),
    regex(fields.guided_regex, "guided_regex"),
    choice(fields.guided_choice, "guided_choice"),
  ];
  return demands.filter((demand) => demand !== undefined);
}

function anyObject(param: string): Demand {
  return { param, write: anyJsonObject };
}

function schema(value: unknown, param: string): Demand {
  return { param, write: (rules) => lowerSchema(value, rules, param) };
}

function schemaOrText(value: unknown, param: string): Demand | undefined {
  if (value === null || value === undefined) return undefined;
  return schema(typeof value === "string" ? parseText(value, param) : value, param);
}

function parseText(text: string, param: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new AppError("invalid_value", { param, publicText: `Invalid '${param}': it is not JSON.`, cause: thrown });
  }
}

function regex(pattern: string | null | undefined, param: string): Demand | undefined {
  if (pattern === null || pattern === undefined) return undefined;
  const write = (): Expression => {
    try {
      return lowerRegex(anchoredRegex(parseRegex(pattern), true));
    } catch (thrown) {
      if (!(thrown instanceof RegexRefusal)) throw thrown;
      throw new AppError("invalid_value", { param, publicText: `Invalid '${param}': ${thrown.message}.` });
    }
  };
  return { param, write };
}

function choice(choices: readonly string[] | null | undefined, param: string): Demand | undefined {
  return choices ? { param, write: () => oneOfTexts(choices) } : undefined;
}
