import { AppError } from "@sluice/shared/errors.ts";

const pattern = /^[\x21-\x7e]{1,255}$/;

/** The request's `Idempotency-Key`, if it has one. Throws `invalid_value` when it is none. */
export function idempotencyKeyOf({ headers }: Request): string | undefined {
  const key = headers.get("idempotency-key") ?? undefined;
  if (key !== undefined && !pattern.test(key)) {
    const publicText = "Invalid 'Idempotency-Key': expected 1 to 255 printable ASCII characters.";
    throw new AppError("invalid_value", { param: "Idempotency-Key", publicText });
  }
  return key;
}

/** On an answer that was made for an earlier request. */
export const replayedHeaders = { "idempotent-replayed": "true" } as const;
