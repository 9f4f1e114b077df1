import type { handleServerStreamingCall } from "@grpc/grpc-js";
import { AppError, type ErrorCode } from "@sluice/shared/errors.ts";
import type { GenerateRequest, GenerateResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { EngineClient } from "#engine/engine-client.ts";
import type { SequenceEvent } from "#engine/generation.ts";
import type { Clock } from "#platform/clock.ts";
import type { Logger } from "#platform/logger.ts";
import type { LiveCalls } from "./live-calls.ts";
import { parseGenerateRequest } from "./parse-generate-request.ts";
import type { RetryHints } from "./retry-hints.ts";
import { toStatus } from "./status.ts";
import { TokenStream } from "./token-stream.ts";

/** setTimeout's longest delay; a deadline further off is none. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Failure {
  readonly code: ErrorCode;
  readonly detail: string;
}

export interface GenerateParts {
  readonly client: EngineClient;
  readonly calls: LiveCalls;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly drawSeed: () => number;
  readonly retryHints: RetryHints;
}

/**
 * Generate: one call, one prompt, `n` choices. However the call ends (finish, error, cancel, deadline, lost connection), its
 * sequences are out of the engine by its next step. When one choice fails the call does.
 */
export function generate(parts: GenerateParts): handleServerStreamingCall<GenerateRequest, GenerateResponse> {
  const { client, calls, clock, logger, drawSeed, retryHints } = parts;
  return (call) => {
    try {
      const request = parseGenerateRequest(call.request, drawSeed);
      const { requestId, n } = request;
      const stream = new TokenStream(call, n);
      const toError = ({ code, detail }: Failure): AppError => {
        if (code !== "overloaded") return new AppError(code, { detail });
        return new AppError(code, { detail, retryAfterMs: retryHints.retryAfterMs(request.promptTokenIds.length) });
      };
      if (calls.draining.aborted) throw new AppError("unavailable", { detail: "the engine is draining" });
      if (client.model === undefined) throw new AppError("unavailable", { detail: "the model is not loaded" });
      if (calls.find(requestId) !== undefined) {
        throw new AppError("invalid_value", { param: "request_id", detail: "request_id is live already" });
      }
      const fail = (failure: Failure): void => {
        logger.warn({ requestId, code: failure.code, detail: failure.detail }, "generate failed");
        if (submission.admitted) submission.abort();
        stream.fail(toError(failure));
      };
      const deliver = (event: SequenceEvent, index: number): void => {
        if (event.kind === "tokens") stream.push(index, event);
        else if (event.kind === "finished") stream.finish(index, event, event.finish);
        else fail(event);
      };
      const submission = client.submit(request, deliver, { n });
      if (!submission.admitted) throw toError(submission);

      const close = calls.open(requestId, {
        evict: () => {
          submission.abort();
          stream.fail(new AppError("unavailable", { detail: "the engine stopped before the sequence ended" }));
        },
        abortChoices: (indexes) => {
          submission.abort(indexes);
          for (const index of indexes) stream.drop(index);
        },
      });
      const leave = (): void => {
        clearTimeout(deadline);
        submission.abort();
        stream.close();
        close();
      };
      const pastDeadline = (): void => {
        leave();
        call.destroy();
      };
      // grpc-js answers DEADLINE_EXCEEDED itself, but says `cancelled` only once that reached the caller: one who does
      // not read would hold its blocks past the deadline.
      const msLeft = Number(call.getDeadline()) - clock.nowMs();
      const deadline = msLeft > MAX_TIMER_MS ? undefined : setTimeout(pastDeadline, msLeft);
      // Emitted on every ending, a good one included.
      call.once("cancelled", leave);
    } catch (thrown) {
      call.emit("error", toStatus(AppError.from(thrown)));
    }
  };
}
