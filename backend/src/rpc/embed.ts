import type { handleUnaryCall } from "@grpc/grpc-js";
import { AppError } from "@sluice/shared/errors.ts";
import type { EmbedRequest, EmbedResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { EngineClient } from "#engine/engine-client.ts";
import type { SequenceEvent } from "#engine/generation.ts";
import type { Clock } from "#platform/clock.ts";
import type { Logger } from "#platform/logger.ts";
import { assertMayOpen, toRefusal } from "./admission.ts";
import { onCallEnd } from "./call-end.ts";
import type { LiveCalls } from "./live-calls.ts";
import { parseEmbedRequest } from "./parse-embed-request.ts";
import { type RequestObserver, RequestTimer } from "./request-timer.ts";
import type { RetryHints } from "./retry-hints.ts";
import { toStatus } from "./status.ts";

export interface EmbedParts {
  readonly client: EngineClient;
  readonly calls: LiveCalls;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retryHints: RetryHints;
  readonly observer: RequestObserver;
}

/** Embed: one call, one sequence, one vector. However the call ends, the sequence is out of the engine by its next step. */
export function embed({
  client,
  calls,
  clock,
  logger,
  retryHints,
  observer,
}: EmbedParts): handleUnaryCall<EmbedRequest, EmbedResponse> {
  return (call, callback) => {
    const fail = (error: AppError): void => callback(toStatus(error));
    try {
      const request = parseEmbedRequest(call.request);
      const { requestId, promptTokenIds } = request;
      assertMayOpen(client, calls, requestId);
      const timer = new RequestTimer(clock, observer, 1);
      const deliver = (event: SequenceEvent): void => {
        timer.note(event, 0);
        if (event.kind !== "failed") {
          answer(event, callback);
          return;
        }
        logger.warn({ requestId, code: event.code, detail: event.detail }, "embed failed");
        fail(toRefusal(event, retryHints, promptTokenIds.length));
      };
      const submission = client.submit(request, deliver, { onStart: (agoMs) => timer.noteStart(agoMs) });
      if (!submission.admitted) throw toRefusal(submission, retryHints, promptTokenIds.length);

      const close = calls.open(requestId, {
        evict: () => {
          submission.abort();
          fail(new AppError("unavailable", { detail: "the engine stopped before the sequence was computed" }));
        },
        // There are none.
        abortChoices: () => {},
      });
      onCallEnd(call, clock, () => {
        submission.abort();
        close();
      });
    } catch (thrown) {
      fail(AppError.from(thrown));
    }
  };
}

function answer(
  event: Exclude<SequenceEvent, { kind: "failed" }>,
  callback: Parameters<handleUnaryCall<EmbedRequest, EmbedResponse>>[1],
): void {
  if (event.kind !== "finished" || event.embedding === undefined) {
    callback(toStatus(new AppError("internal_error", { detail: "the engine finished without an embedding" })));
    return;
  }
  const { embedding, finish } = event;
  const { numPromptTokens: promptTokens, numCachedTokens: cachedTokens } = finish;
  callback(null, { embedding: [...embedding], promptTokens, cachedTokens });
}
