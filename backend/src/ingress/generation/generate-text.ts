import { AppError } from "@sluice/shared/errors.ts";
import type { GenerateResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { CallLimits } from "#ingress/engines/engine-client.ts";
import type { EnginePool } from "#ingress/engines/engine-pool.ts";
import type { ServedModel } from "#ingress/text/served-model.ts";
import { Choice } from "./choice.ts";
import { toEngineRequest } from "./engine-request.ts";
import type { GenerationEvent, GenerationPlan, GenerationProgress } from "./generation.ts";

/**
 * Runs a plan: text as it becomes certain, in as few pieces as the engine's messages allow, each choice's end, and the usage
 * when all have ended. Each item holds events that are ready together. A completed stop string ends its choice in the engine
 * at once, and the last one the engine's call. Leaving the loop does too. Throws AppErrors, and `limits.signal.reason` when
 * that was aborted. Keeps `progress` current.
 */
export async function* generateText(
  plan: GenerationPlan,
  model: ServedModel,
  pool: EnginePool,
  limits: CallLimits,
  progress: GenerationProgress,
): AsyncGenerator<readonly GenerationEvent[]> {
  const choices = Array.from(
    { length: plan.n },
    (_, index) => new Choice(plan.firstIndex + index, plan, model.tokenizer.tokenBytes),
  );
  const promptTokens = plan.promptTokenIds.length;
  let cachedTokens = 0;
  let completionTokens = 0;
  let isComputed = false;
  progress.promptTokens = (progress.promptTokens ?? 0) + promptTokens;
  for await (const { engine, responses, abortChoices } of runOn(pool, plan, limits)) {
    progress.engine = engine;
    const cachedBefore = cachedTokens;
    const stopped: number[] = [];
    for (const response of responses) {
      const { index = 0, logprobs } = response;
      if (index === 0) cachedTokens = response.cachedTokens ?? response.finish?.cachedTokens ?? cachedTokens;
      if (logprobs !== undefined) for (const choice of choices) choice.pushPrompt(logprobs.prompt);
      const choice = choices[index];
      // What the engine sampled before it heard that the choice had ended is nobody's.
      if (choice !== undefined && !choice.hasEnded && choice.push(response)) stopped.push(index);
    }
    const hasEnded = choices.every((choice) => choice.hasEnded);
    if (!hasEnded && stopped.length > 0) abortChoices(stopped);
    const before = completionTokens;
    completionTokens = choices.reduce((sum, choice) => sum + choice.completionTokens, 0);
    progress.completionTokens = (progress.completionTokens ?? 0) + completionTokens - before;
    if (!isComputed && responses.some(tellsOfSampling)) {
      isComputed = true;
      progress.computedPromptTokens = (progress.computedPromptTokens ?? 0) + promptTokens;
    }
    progress.cachedTokens = (progress.cachedTokens ?? 0) + cachedTokens - cachedBefore;
    const events = choices.flatMap((choice) => choice.take());
    for (const event of events) if (event.kind === "end") progress.finishReason = event.finishReason;
    if (hasEnded) {
      const reasoningTokens = choices.reduce((sum, choice) => sum + choice.reasoningTokens, 0);
      events.push({ kind: "usage", usage: { promptTokens, completionTokens, reasoningTokens, cachedTokens } });
    }
    if (events.length > 0) yield events;
    if (hasEnded) return;
  }
  throw new AppError("internal_error", { detail: "the engine's stream ended without a finish" });
}

/** An engine has computed a prompt when it could sample after it. */
function tellsOfSampling({ tokenIds, finish }: GenerateResponse): boolean {
  return tokenIds.length > 0 || finish !== undefined;
}

/** The engines know of a grammar, but not which parameter asked for it. */
async function* runOn(pool: EnginePool, plan: GenerationPlan, limits: CallLimits): ReturnType<EnginePool["generate"]> {
  try {
    yield* pool.generate(toEngineRequest(plan), limits);
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.code !== "invalid_grammar" || plan.grammar === undefined) throw thrown;
    throw new AppError("invalid_grammar", { param: plan.grammar.param, detail: thrown.message, cause: thrown });
  }
}
