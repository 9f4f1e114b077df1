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
