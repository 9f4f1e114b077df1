import { AppError } from "@sluice/shared/errors.ts";
import { type Finish, FinishReason } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { CallLimits } from "#ingress/engines/engine-client.ts";
import type { EnginePool } from "#ingress/engines/engine-pool.ts";
import type { ServedModel } from "#ingress/text/served-model.ts";
import { toEngineRequest } from "./engine-request.ts";
import type { GenerationEvent, GenerationPlan, GenerationProgress, TokenUsage } from "./generation.ts";
import { OutputText } from "./output-text.ts";

/**
 * Runs a plan: text as it becomes certain, in as few pieces as the engine's messages allow, and its end. A completed stop
 * string ends the engine's call at once. Leaving the loop does too. Throws AppErrors, and `limits.signal.reason` when that
 * was aborted. Keeps `progress` current.
 */
export async function* generateText(
  plan: GenerationPlan,
  model: ServedModel,
  pool: EnginePool,
  limits: CallLimits,
  progress: GenerationProgress,
): AsyncGenerator<GenerationEvent> {
  const output = new OutputText(plan, model.tokenizer.tokenBytes);
  let cachedTokens = 0;
  progress.promptTokens = plan.promptTokenIds.length;
  for await (const { engine, responses } of pool.generate(toEngineRequest(plan), limits)) {
    progress.engine = engine;
    for (const response of responses) {
      cachedTokens = response.cachedTokens ?? response.finish?.cachedTokens ?? cachedTokens;
    }
    const stopped = responses.some((response) => output.push(response));
    const finish = stopped ? undefined : responses.at(-1)?.finish;
    if (finish !== undefined) output.end();
    progress.completionTokens = finish?.completionTokens ?? output.numTokens;
    const piece = output.take();
    if (piece !== undefined) yield { kind: "text", ...piece };
    if (stopped) {
      progress.finishReason = "stop";
      yield endAtStopString(plan, output.numTokens, cachedTokens);
      return;
    }
    if (finish !== undefined) {
      const finishReason = toFinishReason(finish.reason);
      progress.finishReason = finishReason;
      yield { kind: "end", finishReason, usage: toUsage(finish) };
      return;
    }
  }
  throw new AppError("internal_error", { detail: "the engine's stream ended without a finish" });
}

function endAtStopString(plan: GenerationPlan, completionTokens: number, cachedTokens: number): GenerationEvent {
  const usage = { promptTokens: plan.promptTokenIds.length, completionTokens, cachedTokens };
  return { kind: "end", finishReason: "stop", usage };
}

function toUsage({ promptTokens, completionTokens, cachedTokens }: Finish): TokenUsage {
  return { promptTokens, completionTokens, cachedTokens };
}

function toFinishReason(reason: FinishReason): CompletionFinishReason {
  switch (reason) {
    case FinishReason.STOP:
      return "stop";
    case FinishReason.LENGTH:
      return "length";
    case FinishReason.ABORT:
      throw new AppError("deadline_exceeded", { detail: "the engine ended the request" });
    default:
      throw new AppError("internal_error", { detail: `unknown finish reason ${reason}` });
  }
}
