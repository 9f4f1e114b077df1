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
 * Generate: one call, one sequence. However the call ends (finish, error, cancel, deadline, lost connection), the sequence
 * is out of the engine by its next step.
 */
export function generate(parts: GenerateParts): handleServerStreamingCall<GenerateRequest, GenerateResponse> {
  const { client, calls, clock, logger, drawSeed, retryHints } = parts;
  return (call) => {
    const stream = new TokenStream(call);
    try {
      const request = parseGenerateRequest(call.request, drawSeed);
      const { requestId } = request;
      const toError = ({ code, detail }: Failure): AppError => {
        if (code !== "overloaded") return new AppError(code, { detail });
        return new AppError(code, { detail, retryAfterMs: retryHints.retryAfterMs(request.promptTokenIds.length) });
      };
      if (calls.draining.aborted) throw new AppError("unavailable", { detail: "the engine is draining" });
      if (client.model === undefined) throw new AppError("unavailable", { detail: "the model is not loaded" });
      if (calls.has(requestId)) {
        throw new AppError("invalid_value", { param: "request_id", detail: "request_id is live already" });
      }
      const submission = client.submit(request, (event) => {
        if (event.kind === "failed")
          logger.warn({ requestId, code: event.code, detail: event.detail }, "generate failed");
        deliver(event, stream, toError);
      });
      if (!submission.admitted) throw toError(submission);

      const close = calls.open(requestId, () => {
        submission.abort();
        stream.fail(new AppError("unavailable", { detail: "the engine stopped before the sequence ended" }));
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
      stream.fail(AppError.from(thrown));
    }
  };
}

function deliver(event: SequenceEvent, stream: TokenStream, toError: (failure: Failure) => AppError): void {
  switch (event.kind) {
    case "tokens":
      stream.push(event);
      break;
    case "finished":
      stream.finish(event, event.finish);
      break;
    case "failed":
      stream.fail(toError(event));
      break;
  }
}
