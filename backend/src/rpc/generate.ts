import type { handleServerStreamingCall, ServerWritableStream } from "@grpc/grpc-js";
import { AppError } from "@sluice/shared/errors.ts";
import type { GenerateRequest, GenerateResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { EngineClient } from "#engine/engine-client.ts";
import type { SequenceEvent } from "#engine/generation.ts";
import type { Clock } from "#platform/clock.ts";
import type { Logger } from "#platform/logger.ts";
import { assertMayOpen, type Failure, toRefusal } from "./admission.ts";
import { onCallEnd } from "./call-end.ts";
import type { CompiledGrammars, GrammarLease } from "./compiled-grammars.ts";
import type { LiveCalls } from "./live-calls.ts";
import { type ParsedGenerateRequest, parseGenerateRequest } from "./parse-generate-request.ts";
import { type RequestObserver, RequestTimer } from "./request-timer.ts";
import type { RetryHints } from "./retry-hints.ts";
import { toStatus } from "./status.ts";
import { TokenStream } from "./token-stream.ts";
import type { UnreadOutput } from "./unread-output.ts";

type GenerateCall = ServerWritableStream<GenerateRequest, GenerateResponse>;

export interface GenerateParts {
  readonly client: EngineClient;
  readonly calls: LiveCalls;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly drawSeed: () => number;
  readonly retryHints: RetryHints;
  readonly observer: RequestObserver;
  readonly unread: UnreadOutput;
  /** Absent: requests with a grammar are refused. */
  readonly grammars: CompiledGrammars | undefined;
}

/**
 * Generate: one call, one prompt, `n` choices. However the call ends (finish, error, cancel, deadline, lost connection), its
 * sequences are out of the engine by its next step, and its grammar may be. When one choice fails the call does.
 */
export function generate(parts: GenerateParts): handleServerStreamingCall<GenerateRequest, GenerateResponse> {
  const { grammars, drawSeed } = parts;
  return (call) => {
    const refuse = (thrown: unknown): void => {
      call.emit("error", toStatus(AppError.from(thrown)));
    };
    try {
      const request = parseGenerateRequest(call.request, drawSeed);
      const { grammar } = request;
      if (grammar === undefined) return start(call, request, parts);
      if (grammars === undefined) throw new AppError("invalid_value", { param: "grammar" });
      const lease = grammars.find(grammar);
      if (lease !== undefined) return startWithGrammar(call, request, lease, parts);
      const leaving = new AbortController();
      const leave = (): void => leaving.abort(new AppError("request_cancelled"));
      call.once("cancelled", leave);
      const { tenant, priority } = request;
      grammars
        .compile(grammar, { tenant, priority, signal: leaving.signal })
        .finally(() => call.off("cancelled", leave))
        .then((compiled) => startWithGrammar(call, request, compiled, parts))
        .catch((thrown: unknown) => (call.cancelled ? undefined : refuse(thrown)));
    } catch (thrown) {
      refuse(thrown);
    }
  };
}

/** @throws as `start` does; the lease is then released. */
function startWithGrammar(
  call: GenerateCall,
  request: ParsedGenerateRequest,
  lease: GrammarLease,
  parts: GenerateParts,
): void {
  if (call.cancelled) return lease.release();
  try {
    start(call, request, parts, lease);
  } catch (thrown) {
    lease.release();
    throw thrown;
  }
}

/** @param lease of the request's grammar, released when the call ends. @throws AppError when the engine does not take the request. */
function start(call: GenerateCall, request: ParsedGenerateRequest, parts: GenerateParts, lease?: GrammarLease): void {
  const { client, calls, clock, logger, retryHints, observer, unread } = parts;
  const { requestId, n } = request;
  assertMayOpen(client, calls, requestId);
  const account = unread.open(() => {
    logger.warn({ requestId }, "generate given up: its caller does not read");
    leave();
    call.emit("error", toStatus(new AppError("unavailable", { detail: "more was unread than the engine keeps" })));
  });
  const stream = new TokenStream(call, n, account);
  const toError = (failure: Failure): AppError => toRefusal(failure, retryHints, request.promptTokenIds.length);
  const fail = (failure: Failure): void => {
    logger.warn({ requestId, code: failure.code, detail: failure.detail }, "generate failed");
    if (submission.admitted) submission.abort();
    stream.fail(toError(failure));
  };
  const timer = new RequestTimer(clock, observer, n);
  const deliver = (event: SequenceEvent, index: number): void => {
    timer.note(event, index);
    if (event.kind === "tokens") stream.push(index, event);
    else if (event.kind === "finished") stream.finish(index, event, event.finish);
    else fail(event);
  };
  const submission = client.submit({ ...request, grammar: lease?.id }, deliver, {
    n,
    onStart: (agoMs) => timer.noteStart(agoMs),
  });
  if (!submission.admitted) {
    account.close();
    throw toError(submission);
  }
  observer.noteAdmitted({ n, maxTokens: request.stopping.maxTokens });

  const close = calls.open(requestId, {
    evict: () => {
      submission.abort();
      stream.fail(new AppError("unavailable", { detail: "the engine stopped before the sequence ended" }));
    },
    abortChoices: (indexes) => {
      submission.abort(indexes);
      timer.noteDropped(indexes.length);
      for (const index of indexes) stream.drop(index);
    },
  });
  const leave = (): void => {
    submission.abort();
    lease?.release();
    stream.close();
    account.close();
    close();
  };
  onCallEnd(call, clock, leave, () => call.destroy());
}
