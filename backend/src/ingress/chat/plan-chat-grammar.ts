import { AppError } from "@sluice/shared/errors.ts";
import { charsOf, complement } from "#ingress/grammar/char-set.ts";
import {
  type Expression,
  literal,
  oneOf,
  oneOfChars,
  optional,
  repeat,
  sequence,
} from "#ingress/grammar/expression.ts";
import type { GrammarRules } from "#ingress/grammar/grammar-rules.ts";
import { anyJsonObject } from "#ingress/grammar/json-text.ts";
import {
  type Demand,
  findDemand,
  type GrammarPlan,
  type StructuredOutputFields,
  writeGrammar,
} from "#ingress/grammar/plan-grammar.ts";
import { lowerSchema } from "#ingress/grammar/schema/lower-schema.ts";
import { textWithout } from "#ingress/grammar/text-without.ts";
import type { ReasoningPlan } from "#ingress/generation/generation.ts";
import type { ToolFormat } from "#ingress/text/tool-calls/tool-format.ts";
import type { ToolUse } from "./tool-use.ts";

const noParameters = { type: "object", properties: {}, additionalProperties: false };

/**
 * What an answer must be that may call tools: a call where one is forced; where it is not, calls that are valid, behind
 * text or in the place of what `response_format` asks for, and no second one where the caller takes one only. Only tools that may be called are, and arguments of tools that are
 * not strict are bound to their schema only where a call is forced. A model that reasons may think first, whatever it likes.
 * Undefined when the answer may be anything. Throws as `planGrammar` does.
 */
export function planChatGrammar(
  fields: StructuredOutputFields,
  toolUse: ToolUse | undefined,
  reasoning: ReasoningPlan | undefined,
): GrammarPlan | undefined {
  const demand = findDemand(fields);
  const bound = toolUse === undefined ? demand : demandCalls(toolUse, demand);
  return bound && writeGrammar(bound.param, (rules) => behindThought(bound.write(rules), reasoning, rules));
}

/** Undefined when calls are bound by nothing. */
function demandCalls(toolUse: ToolUse, demand: Demand | undefined): Demand | undefined {
  const { tools, callable, isForced, isSingle, format } = toolUse;
  const isStrict = tools.some((tool) => tool.function.strict === true) || callable.length < tools.length;
  if (!isForced && !isStrict && !isSingle && demand === undefined) return undefined;
  const { mayBeginBare } = format.syntax;
  if (!isForced && demand !== undefined && mayBeginBare) throw indistinct(demand.param);
  const param = isForced || isStrict || isSingle ? "tools" : (demand?.param ?? "tools");
  const write = (rules: GrammarRules): Expression => {
    const calls = writeCalls(toolUse, rules);
    if (isForced) return calls;
    if (demand !== undefined) return oneOf([demand.write(rules), calls]);
    const text = rules.add(freeText(format));
    return oneOf([text, mayBeginBare ? calls : sequence(text, calls)]);
  };
  return { param, write };
}

/** Calls that are JSON and nothing else look like an answer that is. */
function indistinct(param: string): AppError {
  const publicText = `Unsupported parameter: '${param}' is not supported with 'tools' that need not be called: this model's calls are JSON, too.`;
  return new AppError("unsupported_parameter", { param, publicText });
}

/** Any text in which no call begins. */
function freeText({ syntax: { opening, mayBeginBare } }: ToolFormat): Expression {
  const text = textWithout(opening);
  if (!mayBeginBare) return text;
  const [first = "", second = ""] = opening;
  const begins = oneOfChars(complement(charsOf(`{ \t\r\n${first}`)));
  const isOther = oneOfChars(complement(charsOf(first + second)));
  return optional(oneOf([sequence(begins, text), sequence(literal(first), isOther, text)]));
}

function writeCalls(toolUse: ToolUse, rules: GrammarRules): Expression {
  const { format, callable, maxCalls } = toolUse;
  const call = rules.add(oneOf(callable.map((index) => writeCall(toolUse, index, rules))));
  const others = repeat(sequence(literal(format.separator), call), 0, maxCalls - 1);
  return sequence(literal(format.open), call, others, literal(format.close));
}

function writeCall({ format, tools, isForced }: ToolUse, index: number, rules: GrammarRules): Expression {
  const { name, parameters, strict } = tools[index]?.function ?? { name: "" };
  const isBound = isForced || strict === true;
  const schema = parameters ?? noParameters;
  const args = isBound ? lowerSchema(schema, rules, `tools[${index}].function.parameters`) : anyJsonObject(rules);
  return sequence(literal(format.before(name)), args, literal(format.after));
}

function behindThought(answer: Expression, reasoning: ReasoningPlan | undefined, rules: GrammarRules): Expression {
  if (reasoning === undefined || reasoning.start === "behind") return answer;
  const { opening, closing } = reasoning.format;
  const lineBreaks = repeat(literal("\n"), 0, 2);
  const bound = rules.add(answer);
  const rest = sequence(textWithout(closing), literal(closing), lineBreaks, bound);
  return reasoning.start === "inside" ? rest : oneOf([bound, sequence(literal(opening), rest)]);
}
