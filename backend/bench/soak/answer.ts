import { isDeepStrictEqual } from "node:util";
import type { CallLimits } from "#ingress/engines/engine-client.ts";
import type { EnginePool } from "#ingress/engines/engine-pool.ts";
import { generateText } from "#ingress/generation/generate-text.ts";
import type { GenerationEvent } from "#ingress/generation/generation.ts";
import type { ServedModel } from "#ingress/text/served-model.ts";
import { numChoicesOf, type SoakPlan } from "./soak-plan.ts";

/** What was told of one choice. */
interface ChoiceAnswer {
  text: string;
  /** Names and arguments of its tool calls, as they came. */
  calls: string;
  /** Everything that is told of them, logprobs to the last bit; of an embedding, its numbers. */
  readonly tokens: unknown[];
  /** Absent while it has not ended. */
  finishReason: string | undefined;
  meanLogprob: number | undefined;
}

/** An answer as far as it came. */
export interface Answer {
  readonly choices: readonly ChoiceAnswer[];
  /** Present when it is whole. */
  promptTokens: number | undefined;
  completionTokens: number | undefined;
}

export interface Asking {
  readonly asked: SoakPlan;
  readonly model: ServedModel;
  readonly pool: EnginePool;
}

export function emptyAnswer(asked: SoakPlan): Answer {
  const choices = Array.from({ length: numChoicesOf(asked) }, () => {
    return { text: "", calls: "", tokens: [], finishReason: undefined, meanLogprob: undefined };
  });
  return { choices, promptTokens: undefined, completionTokens: undefined };
}

/** Fills the answer as events come; `onEvents` is called after each lot of them. Rejects as `generateText` throws. */
export async function receive(
  { asked, model, pool }: Asking,
  limits: CallLimits,
  answer: Answer,
  onEvents: () => void = () => {},
): Promise<void> {
  if (asked.kind === "embedding") {
    const { embedding, promptTokens } = await pool.embed(asked.request, limits);
    for (const choice of answer.choices) {
      choice.tokens.push(...embedding);
      choice.finishReason = "embedded";
    }
    answer.promptTokens = promptTokens;
    return;
  }
  for await (const events of generateText(asked.plan, model, pool, limits, {})) {
    for (const event of events) note(answer, event);
    onEvents();
  }
}

function note(answer: Answer, event: GenerationEvent): void {
  if (event.kind === "usage") {
    answer.promptTokens = event.usage.promptTokens;
    answer.completionTokens = event.usage.completionTokens;
    return;
  }
  const choice = answer.choices[event.index];
  if (choice === undefined) throw new Error(`choice ${event.index} was not asked for`);
  if (choice.finishReason !== undefined) throw new Error(`choice ${event.index} goes on after its end`);
  switch (event.kind) {
    case "text":
    case "reasoning":
      choice.text += event.text;
      choice.tokens.push(...(event.tokens ?? []));
      break;
    case "callStart":
      choice.calls += `\n${event.name} `;
      break;
    case "callArguments":
      choice.calls += event.text;
      break;
    case "end":
      choice.finishReason = event.finishReason;
      choice.meanLogprob = event.meanLogprob;
      break;
  }
}

/** Whether a whole answer is the other, to the last bit. */
export function isSame(answer: Answer, other: Answer): boolean {
  return isDeepStrictEqual(answer, other);
}

/** Whether an answer that was cut off is the beginning of the other, as far as it has choices. */
export function isBeginning(answer: Answer, whole: Answer): boolean {
  return answer.choices.every((choice, index) => {
    const { text = "", calls = "", tokens = [], finishReason } = whole.choices[index] ?? {};
    const hasWholeEnd =
      choice.finishReason === undefined ||
      (choice.finishReason === finishReason && choice.text === text && choice.calls === calls);
    return (
      hasWholeEnd &&
      text.startsWith(choice.text) &&
      calls.startsWith(choice.calls) &&
      isDeepStrictEqual(choice.tokens, tokens.slice(0, choice.tokens.length))
    );
  });
}

/** All that is needed to look into an answer that is wrong. */
export function describe(asked: SoakPlan, answer: Answer, alone: Answer): string {
  const { length } = asked.kind === "text" ? asked.plan.promptTokenIds : asked.request.tokenIds;
  const shown =
    asked.kind === "text" ? { ...asked.plan, promptTokenIds: length } : { ...asked.request, tokenIds: length };
  return JSON.stringify({ asked: shown, answer, alone });
}
