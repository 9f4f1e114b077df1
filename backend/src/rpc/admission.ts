import { AppError, type ErrorCode } from "@sluice/shared/errors.ts";
import type { EngineClient } from "#engine/engine-client.ts";
import type { LiveCalls } from "./live-calls.ts";
import type { RetryHints } from "./retry-hints.ts";

/** What the engine says against a request, when it comes or later. */
export interface Failure {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** @throws AppError when no call may be opened, or none under this id. */
export function assertMayOpen(client: EngineClient, calls: LiveCalls, requestId: string): void {
  if (calls.draining.aborted) throw new AppError("unavailable", { detail: "the engine is draining" });
  if (client.model === undefined) throw new AppError("unavailable", { detail: "the model is not loaded" });
  if (calls.find(requestId) !== undefined) {
    throw new AppError("invalid_value", { param: "request_id", detail: "request_id is live already" });
  }
}

/** The failure of a request with a prompt of `numTokens`; who is only refused for now is told when to come back. */
export function toRefusal({ code, detail }: Failure, retryHints: RetryHints, numTokens: number): AppError {
  if (code !== "server_is_overloaded" && code !== "rate_limit_exceeded") return new AppError(code, { detail });
  return new AppError(code, { detail, retryAfterMs: retryHints.retryAfterMs(numTokens) });
}
