import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "@sluice/shared/errors.ts";
import type { EmbedRequest } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { CallLimits } from "#ingress/engines/engine-client.ts";
import type { EnginePool } from "#ingress/engines/engine-pool.ts";

/** Sequences of one request that are with the engines at once: enough to fill a step, too few to fill an engine's queue. */
const maxAtOnce = 32;
/** How long an engine's "not now" without a time of its own is respected. */
const usualRetryMs = 1_000;

/**
 * The vectors of all requests, in their order; or, when one fails, its error, and the others are cancelled.
 *
 * A request of 2,048 inputs is more than an engine may queue, so they go out a few at a time. One that is refused before any
 * other was answered means that the engines are full: so is the caller told. Later ones wait for their turn instead, for as
 * long as `limits` allow: giving up now would waste what was computed.
 *
 * @param onEmbedded hears of every vector as it comes, also of those that are lost to a later failure.
 */
export async function embedAll(
  requests: readonly EmbedRequest[],
  pool: Pick<EnginePool, "embed">,
  limits: CallLimits,
  onEmbedded: (request: EmbedRequest) => void = () => {},
): Promise<readonly (readonly number[])[]> {
  const embeddings: (readonly number[])[] = [];
  const giveUp = new AbortController();
  const ownLimits = { ...limits, signal: AbortSignal.any([limits.signal, giveUp.signal]) };
  let numAnswered = 0;

  const embedOne = async (request: EmbedRequest): Promise<readonly number[]> => {
    for (;;) {
      try {
        return (await pool.embed(request, ownLimits)).embedding;
      } catch (error) {
        const mayWait = error instanceof AppError && error.code === "server_is_overloaded" && numAnswered > 0;
        if (!mayWait) throw error;
        await pause(error.retryAfterMs ?? usualRetryMs, ownLimits.signal);
      }
    }
  };

  const remaining = requests.entries();
  const work = async (): Promise<void> => {
    for (const [index, request] of remaining) {
      embeddings[index] = await embedOne(request);
      numAnswered += 1;
      onEmbedded(request);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(maxAtOnce, requests.length) }, work));
  } catch (error) {
    giveUp.abort(error);
    throw error;
  }
  return embeddings;
}

/** @throws the signal's reason when it is aborted meanwhile. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}
