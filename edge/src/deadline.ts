import { AppError } from "@sluice/shared/errors.ts";

/**
 * The promise's value, or what `onTimeout` makes of it when `timeoutMs` passes first. The promise keeps running: this
 * bounds a wait, it does not cancel work.
 */
export async function waitAtMost<Value>(
  timeoutMs: number,
  promise: Promise<Value>,
  onTimeout: () => Value,
): Promise<Value> {
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, timeoutMs);
  try {
    return await Promise.race([promise, timeout.promise.then(onTimeout)]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The answer of another part of the edge. When it is late or fails, throws what `unanswered` makes of that: `cause` is absent
 * for a late one. An AppError of its own passes as it is.
 */
export async function answerWithin<Value>(
  timeoutMs: number,
  answer: Promise<Value>,
  unanswered: (cause?: unknown) => AppError,
): Promise<Value> {
  try {
    return await waitAtMost(timeoutMs, answer, () => {
      throw unanswered();
    });
  } catch (thrown) {
    throw thrown instanceof AppError ? thrown : unanswered(thrown);
  }
}
