import { isDeepStrictEqual } from "node:util";
import type { CallLimits } from "#ingress/engines/engine-client.ts";
import type { EnginePool } from "#ingress/engines/engine-pool.ts";
import { generateText } from "#ingress/generation/generate-text.ts";
import type { GenerationEvent, GenerationPlan } from "#ingress/generation/generation.ts";
import type { ServedModel } from "#ingress/text/served-model.ts";

/** What was told of one choice. */
interface ChoiceAnswer {
  text: string;
  /** Everything that is told of them, logprobs to the last bit. */
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
  readonly plan: GenerationPlan;
  readonly model: ServedModel;
  readonly pool: EnginePool;
}

export function emptyAnswer(plan: GenerationPlan): Answer {
  const choices = Array.from({ length: plan.n }, () => {
    return { text: "", tokens: [], finishReason: undefined, meanLogprob: undefined };
  });
  return { choices, promptTokens: undefined, completionTokens: undefined };
}

/** Fills the answer as events come; `onEvents` is called after each lot of them. Rejects as `generateText` throws. */
export async function receive(
  { plan, model, pool }: Asking,
  limits: CallLimits,
  answer: Answer,
  onEvents: () => void = () => {},
): Promise<void> {
  for await (const events of generateText(plan, model, pool, limits, {})) {
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
  if (event.kind === "text") {
    choice.text += event.text;
    choice.tokens.push(...(event.tokens ?? []));
  } else if (event.kind === "end") {
    choice.finishReason = event.finishReason;
    choice.meanLogprob = event.meanLogprob;
  }
}

/** Whether a whole answer is the other, to the last bit. */
export function isSame(answer: Answer, other: Answer): boolean {
  return isDeepStrictEqual(answer, other);
}

/** Whether an answer that was cut off is the beginning of the other. */
export function isBeginning(answer: Answer, whole: Answer): boolean {
  return answer.choices.every((choice, index) => {
    const { text = "", tokens = [], finishReason } = whole.choices[index] ?? {};
    const hasWholeEnd =
      choice.finishReason === undefined || (choice.finishReason === finishReason && choice.text === text);
    return (
      hasWholeEnd &&
      text.startsWith(choice.text) &&
      isDeepStrictEqual(choice.tokens, tokens.slice(0, choice.tokens.length))
    );
  });
}
