import { type Expression, literal, oneOf, repeat, sequence } from "#ingress/grammar/expression.ts";
import type { GrammarRules } from "#ingress/grammar/grammar-rules.ts";
import { anyJsonObject } from "#ingress/grammar/json-text.ts";
import {
  findDemand,
  type GrammarPlan,
  type StructuredOutputFields,
  writeGrammar,
} from "#ingress/grammar/plan-grammar.ts";
import { lowerSchema } from "#ingress/grammar/schema/lower-schema.ts";
import { textWithout } from "#ingress/grammar/text-without.ts";
import type { ToolUse } from "./tool-use.ts";

const noParameters = { type: "object", properties: {}, additionalProperties: false };

/**
 * What an answer must be that may call tools: a call where one is forced; where it is not, calls that are valid, behind
 * text or in the place of what `response_format` asks for. Only tools that may be called are, and arguments of tools that are not strict are bound to their schema only
 * where a call is forced. Undefined when the answer may be anything. Throws as `planGrammar` does.
 */
export function planChatGrammar(fields: StructuredOutputFields, toolUse: ToolUse | undefined): GrammarPlan | undefined {
  const demand = findDemand(fields);
  if (toolUse === undefined) return demand && writeGrammar(demand.param, demand.write);
  const { tools, callable, isForced, format } = toolUse;
  const isStrict = tools.some((tool) => tool.function.strict === true) || callable.length < tools.length;
  if (!isForced && !isStrict && demand === undefined) return undefined;
  return writeGrammar(isForced || isStrict ? "tools" : (demand?.param ?? "tools"), (rules) => {
    const calls = writeCalls(toolUse, rules);
    if (isForced) return calls;
    if (demand !== undefined) return oneOf([demand.write(rules), calls]);
    const text = rules.add(textWithout(format.opening));
    return oneOf([text, sequence(text, calls)]);
  });
}

function writeCalls(toolUse: ToolUse, rules: GrammarRules): Expression {
  const { format, callable, maxCalls } = toolUse;
  const call = rules.add(oneOf(callable.map((index) => writeCall(toolUse, index, rules))));
  return sequence(call, repeat(sequence(literal(format.separator), call), 0, maxCalls - 1));
}

function writeCall({ format, tools, isForced }: ToolUse, index: number, rules: GrammarRules): Expression {
  const { name, parameters, strict } = tools[index]?.function ?? { name: "" };
  const isBound = isForced || strict === true;
  const schema = parameters ?? noParameters;
  const args = isBound ? lowerSchema(schema, rules, `tools[${index}].function.parameters`) : anyJsonObject(rules);
  return sequence(literal(format.before(name)), args, literal(format.after));
}
