import type { ScheduledSequence } from "#engine/executor/executor.ts";
import { NonFiniteStepError } from "#engine/executor/finite-check.ts";

/**
 * A NaN in the pool harms nobody who does not own its block, since the kernel reads no slot past a sequence's length; but a
 * block of this step may be shared later, so a sequence with any must end.
 *
 * @param rowSums one a token of the run.
 * @param firstIndex index in the step's batch of the run's first sequence.
 * @throws NonFiniteStepError naming the sequences whose rows are not finite.
 */
export function checkRowSums(run: readonly ScheduledSequence[], rowSums: Float32Array, firstIndex: number): void {
  let row = 0;
  const faulty = run.map(({ tokenIds }) => {
    const own = rowSums.subarray(row, (row += tokenIds.length));
    return !own.every(Number.isFinite);
  });
  if (faulty.includes(true)) {
    throw new NonFiniteStepError(faulty.flatMap((isFaulty, index) => (isFaulty ? [firstIndex + index] : [])));
  }
}
