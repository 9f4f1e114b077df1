// What can go wrong, said once. Every error that leaves the house is one of these codes; the table gives it a status
// at each border and a public text. Only the public text, and a `param` we chose ourselves, reach a caller.
//
// Source of types and codes: OpenAI API reference, "Error codes", and what its service was seen to answer: a type is nearly always
// `invalid_request_error`, and of a rate limit what it counts. gRPC status codes: grpc/grpc statuscodes.md.

/** OpenAI's. */
export const errorTypes = [
  "invalid_request_error",
  "requests",
  "tokens",
  "insufficient_quota",
  "server_error",
  "service_unavailable_error",
] as const;

export type ErrorType = (typeof errorTypes)[number];

interface ErrorRow {
  readonly httpStatus: number;
  readonly type: ErrorType;
  /** True when the same request may succeed later or elsewhere. */
  readonly retryable: boolean;
  readonly publicText: string;
}

/** code -> row. Codes are OpenAI's where OpenAI has one. */
export const errorTable = {
  invalid_json: row(400, "invalid_request_error", false, "The request body is not valid JSON."),
  invalid_value: row(400, "invalid_request_error", false, "A parameter has an invalid value."),
  missing_required_parameter: row(400, "invalid_request_error", false, "A required parameter is missing."),
  unknown_parameter: row(400, "invalid_request_error", false, "The request has an unknown parameter."),
  unsupported_parameter: row(400, "invalid_request_error", false, "A parameter is not supported."),
  invalid_grammar: row(
    400,
    "invalid_request_error",
    false,
    "The schema or pattern is too complex, or cannot be compiled.",
  ),
  previous_response_not_found: row(
    400,
    "invalid_request_error",
    false,
    "There is no response of the id that 'previous_response_id' names.",
  ),
  context_length_exceeded: row(
    400,
    "invalid_request_error",
    false,
    "The prompt and the requested output exceed the model's context length.",
  ),
  request_exceeds_limit: row(
    400,
    "invalid_request_error",
    false,
    "The request asks for more tokens than its limit can ever hold.",
  ),
  invalid_api_key: row(401, "invalid_request_error", false, "Incorrect API key provided."),
  missing_api_key: row(
    401,
    "invalid_request_error",
    false,
    "No API key provided. Send it as: Authorization: Bearer <key>.",
  ),
  key_expired: row(401, "invalid_request_error", false, "This API key has expired."),
  invalid_token: row(401, "invalid_request_error", false, "The token is not valid here."),
  token_expired: row(401, "invalid_request_error", false, "The token has expired."),
  key_revoked: row(401, "invalid_request_error", false, "This API key has been revoked."),
  invalid_passport: row(401, "invalid_request_error", false, "This region accepts requests only from its edge."),
  permission_denied: row(403, "invalid_request_error", false, "This credential may not do that."),
  origin_not_authorized: row(
    403,
    "invalid_request_error",
    false,
    "This origin is not authorized to use this credential.",
  ),
  ip_not_authorized: row(
    403,
    "invalid_request_error",
    false,
    "Your IP address is not authorized to use this credential.",
  ),
  unknown_url: row(
    404,
    "invalid_request_error",
    false,
    "There is nothing at this address. The API is under /v1, and /openapi.json says what it has.",
  ),
  not_found: row(404, "invalid_request_error", false, "There is no such thing."),
  model_not_found: row(
    404,
    "invalid_request_error",
    false,
    "The model does not exist or you do not have access to it.",
  ),
  method_not_allowed: row(405, "invalid_request_error", false, "This method is not allowed here."),
  idempotency_conflict: row(409, "invalid_request_error", false, "This Idempotency-Key was used for another request."),
  idempotency_answer_not_kept: row(
    409,
    "invalid_request_error",
    false,
    "The request under this Idempotency-Key was answered, and its answer cannot be had again. Another key runs it anew.",
  ),
  request_timeout: row(408, "invalid_request_error", true, "The request body did not arrive in time."),
  /** Between region and edge only; see reservation.ts. */
  reservation_too_small: row(412, "invalid_request_error", true, "More tokens must be reserved for this request."),
  request_too_large: row(413, "invalid_request_error", false, "The request body is too large."),
  headers_too_large: row(431, "invalid_request_error", false, "The request headers are too large."),
  range_not_satisfiable: row(416, "invalid_request_error", false, "The file has no such range of bytes."),
  unsupported_media_type: row(415, "invalid_request_error", false, "Send the body as application/json."),
  rate_limit_exceeded: row(429, "requests", true, "Rate limit reached. Retry after the time given in retry-after."),
  insufficient_quota: row(429, "insufficient_quota", true, "You exceeded your current quota."),
  request_cancelled: row(499, "invalid_request_error", true, "The client closed the request."),
  internal_error: row(500, "server_error", true, "The server had an error while processing the request."),
  upstream_error: row(502, "server_error", true, "The region had an error while processing the request."),
  server_is_overloaded: row(
    503,
    "service_unavailable_error",
    true,
    "The service is overloaded. Retry after the time given in retry-after.",
  ),
  unavailable: row(503, "service_unavailable_error", true, "No healthy region can serve this request at the moment."),
  deadline_exceeded: row(504, "server_error", true, "The request did not finish in time."),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/** OpenAI's error object: the `error` member of an error body, and of an SSE event that ends a broken stream. */
export interface ErrorObject {
  readonly message: string;
  readonly type: ErrorType;
  readonly param: string | null;
  readonly code: ErrorCode;
}

export interface AppErrorOptions {
  /** The request parameter at fault, in OpenAI's dotted form, such as `messages[0].content`. */
  readonly param?: string;
  /** Replaces the table's text for the caller. Never put input, keys or prompts in it. */
  readonly publicText?: string;
  /** For logs only. Never put keys or prompts in it. */
  readonly detail?: string;
  /** Of a rate limit that counts something else than requests. */
  readonly type?: "tokens";
  /** When a retry can succeed, in milliseconds from now. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** A failure with a place in the table. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly publicText: string;
  readonly type: ErrorType;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    const publicText = options.publicText ?? errorTable[code].publicText;
    super(options.detail ?? publicText, { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.param = options.param;
    this.publicText = publicText;
    this.type = options.type ?? errorTable[code].type;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Any thrown value as an AppError; what is not one already becomes `internal_error` with the value as its cause. */
  static from(thrown: unknown): AppError {
    if (thrown instanceof AppError) return thrown;
    return new AppError("internal_error", {
      detail: thrown instanceof Error ? thrown.message : String(thrown),
      cause: thrown,
    });
  }

  get httpStatus(): number {
    return errorTable[this.code].httpStatus;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }

  /** What the caller may see. */
  toErrorObject(): ErrorObject {
    return { message: this.publicText, type: this.type, param: this.param ?? null, code: this.code };
  }
}

function row(httpStatus: number, type: ErrorType, retryable: boolean, publicText: string): ErrorRow {
  return { httpStatus, type, retryable, publicText };
}
