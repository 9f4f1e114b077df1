import { AppError } from "@sluice/shared/errors.ts";
import { type Finish, FinishReason, type GenerateRequest } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";
import type { CallLimits } from "#ingress/engines/engine-client.ts";
import type { EnginePool } from "#ingress/engines/engine-pool.ts";
import { Detokenizer } from "#ingress/text/detokenizer.ts";
import type { ServedModel } from "#ingress/text/served-model.ts";
import { StopStrings } from "#ingress/text/stop-strings.ts";
import type { GenerationEvent, GenerationPlan, GenerationProgress, TokenUsage } from "./generation.ts";

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
  const detokenizer = new Detokenizer(model.tokenizer.tokenBytes);
  const stopStrings = new StopStrings(plan.stopStrings);
  let numTokens = 0;
  let cachedTokens = 0;
  progress.promptTokens = plan.promptTokenIds.length;
  for await (const { engine, responses } of pool.generate(toEngineRequest(plan, model), limits)) {
    progress.engine = engine;
    let text = "";
    let finish: Finish | undefined;
    for (const response of responses) {
      cachedTokens = response.cachedTokens ?? cachedTokens;
      for (const tokenId of response.tokenIds) {
        progress.completionTokens = ++numTokens;
        const scan = stopStrings.push(detokenizer.push(tokenId));
        text += scan.text;
        if (!scan.stopped) continue;
        if (text !== "") yield { kind: "text", text };
        progress.finishReason = "stop";
        yield endAtStopString(plan, numTokens, response.finish?.cachedTokens ?? cachedTokens);
        return;
      }
      finish ??= response.finish;
    }
    if (finish !== undefined) {
      const scan = stopStrings.push(detokenizer.flush());
      text += scan.text + stopStrings.flush();
    }
    if (text !== "") yield { kind: "text", text };
    if (finish !== undefined) {
      const finishReason = toFinishReason(finish.reason);
      progress.completionTokens = finish.completionTokens;
      progress.finishReason = finishReason;
      yield { kind: "end", finishReason, usage: toUsage(finish) };
      return;
    }
  }
  throw new AppError("internal_error", { detail: "the engine's stream ended without a finish" });
}

function toEngineRequest(plan: GenerationPlan, model: ServedModel): GenerateRequest {
  return {
    requestId: plan.requestId,
    promptTokenIds: [...plan.promptTokenIds],
    sampling: { temperature: plan.temperature, topP: plan.topP, topK: plan.topK, seed: plan.seed },
    stopping: { maxTokens: plan.maxTokens, stopTokenIds: [...model.stopTokenIds] },
    priority: plan.priority,
    cacheSalt: plan.cacheSalt,
    tenant: plan.tenant,
  };
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
