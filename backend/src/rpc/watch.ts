import type { handleServerStreamingCall } from "@grpc/grpc-js";
import { AppError } from "@sluice/shared/errors.ts";
import type { WatchRequest, WatchResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { EngineClient } from "#engine/engine-client.ts";
import type { EngineLoad } from "#engine/generation.ts";
import type { LiveCalls } from "./live-calls.ts";
import { LoadWatch } from "./load-watch.ts";
import { toStatus } from "./status.ts";

const DEFAULT_MIN_INTERVAL_MS = 50;

export interface WatchParts {
  readonly client: EngineClient;
  readonly calls: LiveCalls;
  /** Aborted when the server closes: ends every watch. */
  readonly closing: AbortSignal;
}

/** Watch: the engine's load for as long as there is an engine and a caller. */
export function watch(parts: WatchParts): handleServerStreamingCall<WatchRequest, WatchResponse> {
  const { client, calls, closing } = parts;
  return (call) => {
    const refuse = (): void => {
      call.emit("error", toStatus(new AppError("unavailable", { detail: "no model is loaded" })));
    };
    const { model } = client;
    if (model === undefined) return refuse();

    let { load } = model;
    const minIntervalMs = call.request.minIntervalMs || DEFAULT_MIN_INTERVAL_MS;
    const watching = new LoadWatch(call, minIntervalMs, () => toMessage(load, calls.draining.aborted));
    const release = (): void => {
      watching.close();
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
        return refuse();
      }
      load = client.model.load;
      watching.noteChange();
    });
    calls.draining.addEventListener("abort", noteDraining);
    closing.addEventListener("abort", end);
    call.once("cancelled", release);
  };
}

function toMessage(load: EngineLoad, draining: boolean): WatchResponse {
  return {
    numRunning: load.numRunning,
    numWaiting: load.numWaiting,
    numQueuedTokens: load.numQueuedTokens,
    numFreeBlocks: load.numFreeBlocks,
    numBlocks: load.numBlocks,
    draining,
    promptTokensTotal: load.totals.promptTokens,
    generationTokensTotal: load.totals.generationTokens,
    numPreemptionsTotal: load.totals.preemptions,
  };
}
