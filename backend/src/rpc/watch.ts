import type { handleServerStreamingCall } from "@grpc/grpc-js";
import { AppError } from "@sluice/shared/errors.ts";
import type { CacheEvents, WatchRequest, WatchResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { ShortName } from "@sluice/shared/hash-chain.ts";
import type { CacheFeed } from "#engine/cache-mirror.ts";
import type { EngineClient } from "#engine/engine-client.ts";
import type { EngineLoad } from "#engine/generation.ts";
import type { LiveCalls } from "./live-calls.ts";
import { type Composed, LoadWatch } from "./load-watch.ts";
import type { RetryHints } from "./retry-hints.ts";
import { toStatus } from "./status.ts";
import type { StepCosts } from "./step-costs.ts";

const DEFAULT_MIN_INTERVAL_MS = 50;
/** 128 KiB of names: a snapshot of a large pool takes several messages, none of which is too large for gRPC. */
const MAX_NAMES_PER_MESSAGE = 16_384;
/** Each holds up to two copies of the cache's names: many more ingresses than an engine serves. */
const MAX_WATCHES = 256;

export interface WatchParts {
  readonly client: EngineClient;
  readonly calls: LiveCalls;
  /** Aborted when the server closes: ends every watch. */
  readonly closing: AbortSignal;
  readonly stepCosts: StepCosts;
  readonly retryHints: RetryHints;
}

/** Watch: what routers go by, for as long as there is an engine and a caller. */
export function watch(parts: WatchParts): handleServerStreamingCall<WatchRequest, WatchResponse> {
  const { client, calls, closing } = parts;
  let numWatches = 0;
  return (call) => {
    const refuse = (error: AppError): void => void call.emit("error", toStatus(error));
    const { model } = client;
    if (model === undefined) return refuse(noModel());
    if (numWatches >= MAX_WATCHES)
      return refuse(new AppError("server_is_overloaded", { detail: "as many watches as there may be" }));

    numWatches += 1;
    let { load } = model;
    const feed = call.request.cacheEvents ? client.cache.open() : undefined;
    const minIntervalMs = call.request.minIntervalMs || DEFAULT_MIN_INTERVAL_MS;
    const watching = new LoadWatch(call, minIntervalMs, () => composeReport(load, feed, parts));
    let isOpen = true;
    const release = (): void => {
      if (!isOpen) return;
      isOpen = false;
      numWatches -= 1;
      watching.close();
      feed?.close();
      unsubscribe();
      calls.draining.removeEventListener("abort", noteDraining);
      closing.removeEventListener("abort", end);
    };
    const noteDraining = (): void => watching.noteChange();
    const end = (): void => {
      release();
      call.end();
    };
    const unsubscribe = client.onChange(() => {
      if (client.model === undefined) {
        release();
        return refuse(noModel());
      }
      load = client.model.load;
      watching.noteChange();
    });
    calls.draining.addEventListener("abort", noteDraining);
    closing.addEventListener("abort", end);
    call.once("cancelled", release);
  };
}

function noModel(): AppError {
  return new AppError("unavailable", { detail: "no model is loaded" });
}

/** What one Watch is told next. */
export function composeReport(
  load: EngineLoad,
  feed: CacheFeed | undefined,
  parts: Pick<WatchParts, "calls" | "stepCosts" | "retryHints">,
): Composed {
  const message = {
    numRunning: load.numRunning,
    numWaiting: load.numWaiting,
    numQueuedTokens: load.numQueuedTokens,
    numFreeBlocks: load.numFreeBlocks,
    numBlocks: load.numBlocks,
    draining: parts.calls.draining.aborted,
    promptTokensTotal: load.totals.promptTokens,
    generationTokensTotal: load.totals.generationTokens,
    numPreemptionsTotal: load.totals.preemptions,
    adapterIds: [],
    pace: { ...parts.stepCosts.read(), turnoverMs: parts.retryHints.turnoverMs },
    cacheEvents: feed && takeEvents(feed),
  };
  return { message, isWhole: feed?.hasNews !== true };
}

function takeEvents(feed: CacheFeed): CacheEvents | undefined {
  const news = feed.take(MAX_NAMES_PER_MESSAGE);
  return news && { ...news, stored: toBytes(news.stored), evicted: toBytes(news.evicted) };
}

/** Every name has the same length, so none needs a mark between. */
function toBytes(names: readonly ShortName[]): Uint8Array {
  return Buffer.from(names.join(""), "latin1");
}
