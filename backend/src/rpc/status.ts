// The error table's column for gRPC, and the shape in which an error leaves a server.
import { Metadata, status, type StatusObject } from "@grpc/grpc-js";
import type { AppError, ErrorCode } from "@sluice/shared/errors.ts";

/** Trailer with the table's code, where a gRPC status is too coarse to tell two codes apart. */
const ERROR_CODE_TRAILER = "sluice-error-code";

/** Trailer with the milliseconds after which a retry may succeed, when that is known. */
const RETRY_AFTER_TRAILER = "sluice-retry-after-ms";

/** code -> gRPC status. RESOURCE_EXHAUSTED and UNAVAILABLE tell a caller to try another engine. */
const grpcStatus = {
  invalid_json: status.INVALID_ARGUMENT,
  invalid_value: status.INVALID_ARGUMENT,
  missing_required_parameter: status.INVALID_ARGUMENT,
  unknown_parameter: status.INVALID_ARGUMENT,
  unsupported_parameter: status.INVALID_ARGUMENT,
  invalid_grammar: status.INVALID_ARGUMENT,
  previous_response_not_found: status.NOT_FOUND,
  context_length_exceeded: status.INVALID_ARGUMENT,
  request_too_large: status.INVALID_ARGUMENT,
  headers_too_large: status.INVALID_ARGUMENT,
  range_not_satisfiable: status.OUT_OF_RANGE,
  unsupported_media_type: status.INVALID_ARGUMENT,
  invalid_api_key: status.UNAUTHENTICATED,
  missing_api_key: status.UNAUTHENTICATED,
  key_expired: status.UNAUTHENTICATED,
  invalid_token: status.UNAUTHENTICATED,
  token_expired: status.UNAUTHENTICATED,
  key_revoked: status.UNAUTHENTICATED,
  invalid_passport: status.UNAUTHENTICATED,
  permission_denied: status.PERMISSION_DENIED,
  origin_not_authorized: status.PERMISSION_DENIED,
  ip_not_authorized: status.PERMISSION_DENIED,
  unknown_url: status.NOT_FOUND,
  not_found: status.NOT_FOUND,
  model_not_found: status.NOT_FOUND,
  method_not_allowed: status.UNIMPLEMENTED,
  reservation_too_small: status.FAILED_PRECONDITION,
  insufficient_quota: status.RESOURCE_EXHAUSTED,
  request_exceeds_limit: status.INVALID_ARGUMENT,
  rate_limit_exceeded: status.RESOURCE_EXHAUSTED,
  server_is_overloaded: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  upstream_error: status.UNAVAILABLE,
  idempotency_conflict: status.ALREADY_EXISTS,
  idempotency_answer_not_kept: status.ALREADY_EXISTS,
  request_timeout: status.DEADLINE_EXCEEDED,
  deadline_exceeded: status.DEADLINE_EXCEEDED,
  request_cancelled: status.CANCELLED,
  internal_error: status.INTERNAL,
} as const satisfies Record<ErrorCode, status>;

/** What grpc-js sends for an error. Details go to our own ingress only, so they carry the internal text. */
export function toStatus(error: AppError): StatusObject {
  const metadata = new Metadata();
  metadata.set(ERROR_CODE_TRAILER, error.code);
  if (error.retryAfterMs !== undefined) metadata.set(RETRY_AFTER_TRAILER, String(error.retryAfterMs));
  return { code: grpcStatus[error.code], details: error.message, metadata };
}
