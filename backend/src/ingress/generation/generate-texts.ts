import { AppError } from "@sluice/shared/errors.ts";
import type { CallLimits } from "#ingress/engines/engine-client.ts";
import type { EnginePool } from "#ingress/engines/engine-pool.ts";
import type { ServedModel } from "#ingress/text/served-model.ts";
import { generateText } from "./generate-text.ts";
import type { GenerationEvent, GenerationPlan, GenerationProgress, TokenUsage } from "./generation.ts";

type Batches = AsyncGenerator<readonly GenerationEvent[]>;

interface Running {
  readonly plan: GenerationPlan;
  readonly batches: Batches;
}

/** Prompt tokens of one request that are with the engines at once: half of what one queues by default (rpc/config.ts). */
const maxPromptTokensAtOnce = 65_536;

/**
 * Runs the plans side by side, or as many as an engine has room for, as `generateText` runs one: events as they come, each plan's in
 * order, and one usage for all at the end. When one fails, the others are ended and its error is thrown.
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
  const next = async (running: Running) => ({ running, item: await running.batches.next() });
  // what runs -> its next item
  const pending = new Map<Running, ReturnType<typeof next>>();
  const waiting = [...plans];
  let numTokens = 0;
  const startSome = (): void => {
    for (let [plan] = waiting; plan !== undefined; [plan] = waiting) {
      if (pending.size > 0 && numTokens + plan.promptTokenIds.length > maxPromptTokensAtOnce) return;
      waiting.shift();
      numTokens += plan.promptTokenIds.length;
      const running = { plan, batches: generateText(plan, model, pool, { ...limits, signal }, progress) };
      pending.set(running, next(running));
    }
  };
  let total: TokenUsage = { promptTokens: 0, completionTokens: 0, reasoningTokens: 0, cachedTokens: 0 };
  try {
    for (startSome(); pending.size > 0; startSome()) {
      const { running, item } = await Promise.race(pending.values());
      if (item.done === true) {
        pending.delete(running);
        numTokens -= running.plan.promptTokenIds.length;
        continue;
      }
      pending.set(running, next(running));
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
