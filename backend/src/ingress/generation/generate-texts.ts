import { AppError } from "@sluice/shared/errors.ts";
import type { CallLimits } from "#ingress/engines/engine-client.ts";
import type { EnginePool } from "#ingress/engines/engine-pool.ts";
import type { ServedModel } from "#ingress/text/served-model.ts";
import { generateText } from "./generate-text.ts";
import type { GenerationEvent, GenerationPlan, GenerationProgress, TokenUsage } from "./generation.ts";

type Batches = AsyncGenerator<readonly GenerationEvent[]>;

/**
 * Runs the plans side by side, as `generateText` runs one: events as they come, each plan's in order, and one usage for all at
 * the end. When one fails, the others are ended and its error is thrown.
 */
export async function* generateTexts(
  plans: readonly GenerationPlan[],
  model: ServedModel,
  pool: EnginePool,
  limits: CallLimits,
  progress: GenerationProgress,
): Batches {
  const [first, ...others] = plans;
  if (first === undefined) throw new RangeError("there is nothing to generate");
  if (others.length === 0) return yield* generateText(first, model, pool, limits, progress);

  const leaving = new AbortController();
  const signal = AbortSignal.any([limits.signal, leaving.signal]);
  const start = (plan: GenerationPlan): Batches => generateText(plan, model, pool, { ...limits, signal }, progress);
  const next = async (batches: Batches) => ({ batches, item: await batches.next() });
  // running plan -> its next item
  const pending = new Map(plans.map(start).map((batches) => [batches, next(batches)]));
  let total: TokenUsage = { promptTokens: 0, completionTokens: 0, reasoningTokens: 0, cachedTokens: 0 };
  try {
    while (pending.size > 0) {
      const { batches, item } = await Promise.race(pending.values());
      if (item.done === true) {
        pending.delete(batches);
        continue;
      }
      pending.set(batches, next(batches));
      for (const event of item.value) if (event.kind === "usage") total = sum(total, event.usage);
      const events = item.value.filter(({ kind }) => kind !== "usage");
      if (events.length > 0) yield events;
    }
    yield [{ kind: "usage", usage: total }];
  } finally {
    leaving.abort(new AppError("request_cancelled"));
    await Promise.allSettled(pending.values());
  }
}

function sum(a: TokenUsage, b: TokenUsage): TokenUsage {
  return {
    promptTokens: a.promptTokens + b.promptTokens,
    completionTokens: a.completionTokens + b.completionTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
  };
}
