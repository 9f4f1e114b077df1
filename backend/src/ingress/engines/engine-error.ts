import { Metadata, status } from "@grpc/grpc-js";
import { AppError, type ErrorCode } from "@sluice/shared/errors.ts";

/** How soon an engine that did not say so is worth another try: one step of a busy batch frees some queue. */
const defaultRetryAfterMs = 1000;
/** Trailer with the code of our error table, where the gRPC status is too coarse. */
const errorCodeTrailer = "sluice-error-code";
/** Trailer in which an engine says so. */
const retryAfterTrailer = "sluice-retry-after-ms";

/** gRPC status -> our code. A status that is not here is a failure of the engine's. */
const codes: Readonly<Partial<Record<number, ErrorCode>>> = {
  [status.INVALID_ARGUMENT]: "invalid_value",
  [status.RESOURCE_EXHAUSTED]: "server_is_overloaded",
  [status.UNAVAILABLE]: "unavailable",
  [status.DEADLINE_EXCEEDED]: "deadline_exceeded",
  // Not by us, since our own cancelling is known by its signal: a server that is shut down resets its streams so.
  [status.CANCELLED]: "unavailable",
};

/** What another engine, or the same one later, may do. */
const passing: ReadonlySet<ErrorCode> = new Set(["rate_limit_exceeded", "server_is_overloaded", "unavailable"]);

const overShareText =
  "The service is busy, and your organization has its share of the waiting requests. " +
  "Retry after the time given in retry-after.";

/** Translates what grpc-js throws. The engine's own words stay in the logs. */
export function fromEngineError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (!(thrown instanceof Error)) return AppError.from(thrown);
  const code = codeOf(thrown);
  return new AppError(code, {
    detail: thrown.message,
    cause: thrown,
    ...(passing.has(code) && { retryAfterMs: retryAfterMsOf(thrown) }),
    ...(code === "rate_limit_exceeded" && { publicText: overShareText }),
  });
}

/** The engine's own code where it says more than the status. */
function codeOf(thrown: Error): ErrorCode {
  const code = ("code" in thrown && typeof thrown.code === "number" && codes[thrown.code]) || "internal_error";
  const said = trailerOf(thrown, errorCodeTrailer);
  if (code === "server_is_overloaded" && said === "rate_limit_exceeded") return said;
  return code === "invalid_value" && said === "invalid_grammar" ? said : code;
}

function trailerOf(thrown: Error, name: string): unknown {
  return "metadata" in thrown && thrown.metadata instanceof Metadata ? thrown.metadata.get(name)[0] : undefined;
}

function retryAfterMsOf(thrown: Error): number {
  const said = trailerOf(thrown, retryAfterTrailer);
  return typeof said === "string" && /^[1-9]\d{0,8}$/.test(said) ? Number(said) : defaultRetryAfterMs;
}

/** True when another engine may take the request: this one is full, draining or not there. */
export function isElsewhere(error: AppError): boolean {
  return passing.has(error.code);
}
