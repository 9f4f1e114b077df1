// A batch's life, a turn at a time. Each turn does a bounded piece of work and may be the last that its object sees: what is not
// written down is done again.
//
//   validating -> in_progress -> finalizing -> completed | expired
//       |  \           |
//    failed  +---------+-> cancelling -> cancelled
import { hasEnded } from "./batch-head.ts";
import type { BatchState } from "./batch-state.ts";
import { type BatchWork, runBatch } from "./run-batch.ts";
import { validateBatch } from "./validate-batch.ts";
import { batchCancelled, batchExpired, writeResults } from "./write-results.ts";

/** One turn. Returns in how many milliseconds the next is due; undefined when the batch has ended. */
export async function workOn(work: BatchWork): Promise<number | undefined> {
  const { state, parts } = work;
  const { status, finalizingAtMs } = state.head;
  if (hasEnded(state.head)) return undefined;
  if (finalizingAtMs !== undefined) await writeResults(state, parts);
  else if (status === "validating") await validateBatch(state, parts);
  else {
    const waitMs = await runBatch(work);
    if (waitMs !== undefined) return waitMs;
    finalize(state, parts.now());
  }
  return hasEnded(state.head) ? undefined : 0;
}

function finalize(state: BatchState, nowMs: number): void {
  const { status, inProgressAtMs } = state.head;
  if (inProgressAtMs === undefined) {
    // It was cancelled before it began.
    state.book.clear();
    state.patch({ status: "cancelled", endedAtMs: nowMs, counts: { total: 0, completed: 0, failed: 0 } });
    return;
  }
  const isCancelled = status === "cancelling";
  const isLeft = state.book.nextDueMs() !== undefined;
  const unrun = state.head.unrun ?? (isLeft ? (isCancelled ? batchCancelled : batchExpired) : undefined);
  state.patch({ status: isCancelled ? status : "finalizing", finalizingAtMs: nowMs, unrun });
}
