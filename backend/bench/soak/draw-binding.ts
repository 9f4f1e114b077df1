import type { Tool } from "@sluice/shared/openai/tools.ts";
import { planChatGrammar } from "#ingress/chat/plan-chat-grammar.ts";
import { planToolUse } from "#ingress/chat/tool-use.ts";
import type { GenerationPlan } from "#ingress/generation/generation.ts";
import { planGrammar } from "#ingress/grammar/plan-grammar.ts";
import type { ToolFormat } from "#ingress/text/tool-calls/tool-format.ts";
import type { Dice } from "./dice.ts";

/** What binds an output, and how its tool calls are told from text. */
type Binding = Pick<GenerationPlan, "grammar" | "toolFormat">;

const words = ["yes", "no", "perhaps", "north", "south", "oak", "iron", "seven", "never", "often"];

/** Any kind of grammar; hardly one is drawn twice, so that a cache of compiled ones has to let others go. */
export function drawBinding(dice: Dice, toolFormat: ToolFormat | undefined): Binding {
  const kinds: (() => Binding)[] = [
    () => ({ grammar: planGrammar({ response_format: { type: "json_object" } }), toolFormat: undefined }),
    () => ({ grammar: planGrammar({ guided_choice: drawWords(dice) }), toolFormat: undefined }),
    () => ({ grammar: planGrammar({ guided_regex: drawRegex(dice) }), toolFormat: undefined }),
    () => ({ grammar: planGrammar({ guided_json: drawSchema(dice) }), toolFormat: undefined }),
  ];
  if (toolFormat !== undefined) kinds.push(() => drawToolUse(dice, toolFormat));
  return dice.pick(kinds)();
}

function drawToolUse(dice: Dice, format: ToolFormat): Binding {
  const tools = Array.from({ length: dice.between(1, 3) }, (_, index): Tool => {
    return { type: "function", function: { name: `do_${index}`, parameters: drawSchema(dice), strict: true } };
  });
  const toolUse = planToolUse({ tools, tool_choice: dice.chance(0.5) ? "required" : "auto" }, format);
  return { grammar: planChatGrammar({}, toolUse, undefined), toolFormat: format };
}

function drawSchema(dice: Dice): Record<string, unknown> {
  const kinds = [
    () => ({ type: "string", maxLength: dice.between(1, 40) }),
    () => ({ type: "integer", minimum: dice.between(-9, 9) }),
    () => ({ type: "boolean" }),
    () => ({ enum: drawWords(dice) }),
    () => ({ type: "array", items: { type: "number" }, maxItems: dice.between(1, 5) }),
  ];
  const names = drawWords(dice);
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, dice.pick(kinds)()])),
    required: names,
    additionalProperties: false,
  };
}

function drawRegex(dice: Dice): string {
  return `[A-Z][a-z]{2,${dice.between(3, 12)}}( [a-z]{1,9}){${dice.between(0, 3)},${dice.between(4, 20)}}\\.`;
}

/** Different ones, at least two. */
function drawWords(dice: Dice): string[] {
  const first = dice.between(0, words.length - 1);
  return Array.from({ length: dice.between(2, 5) }, (_, index) => words[(first + index) % words.length] ?? "");
}
