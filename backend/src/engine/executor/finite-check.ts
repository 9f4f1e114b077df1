// A step must not put a NaN or an infinity into the pool: in a masked place it would still spoil what it is multiplied with
// (0 * NaN), and so reach whoever gets the block next. Anything not finite in a row, in whatever layer, reaches all of that
// row's later hidden state, since the norm before each product spreads it over the row. So it is enough to look at what
// comes last: the last layer's new keys and values, one logit, and the hidden states that are wanted.
import type { RowLayout } from "./row-layout.ts";
import type { Span } from "./split-step.ts";

/** A step met numbers that are not finite; nothing of its run was stored. */
export class NonFiniteStepError extends Error {
  override readonly name = "NonFiniteStepError";
  /** Indexes in the batch of the sequences at fault. */
  readonly sequenceIndexes: readonly number[];

  constructor(sequenceIndexes: readonly number[]) {
    super(`numbers that are not finite in sequences ${sequenceIndexes.join(", ")} of the batch`);
    this.sequenceIndexes = sequenceIndexes;
  }
}

/** Whether a failed step is the fault of the batch's sequence; of all of them, when it does not say whose. */
export function isAtFault(thrown: unknown, sequenceIndex: number): boolean {
  return !(thrown instanceof NonFiniteStepError) || thrown.sequenceIndexes.includes(sequenceIndex);
}

/** A run's outputs: matrices of one row per logit row, and of `numRows` rows per layer and part. */
export interface RunOutputs {
  readonly logits: Float32Array; // [numLogitRows, vocabSize]
  readonly candidateLogits: Float32Array; // [numCandidateRows, numCandidates], each row's largest first
  readonly newKeyValues: Float32Array; // [2 * numLayers, numRows, keyLength]
  readonly hiddenStates: Float32Array; // [numHiddenRows, hiddenSize]
  readonly vocabSize: number;
  readonly numCandidates: number;
  readonly keyLength: number;
  readonly hiddenSize: number;
}

/** @throws NonFiniteStepError naming the sequences whose rows are not finite. */
export function checkFinite(spans: readonly Span[], layout: RowLayout, outputs: RunOutputs): void {
  const faulty = spans.filter((_, index) => {
    const rows = layout.spans[index];
    return rows !== undefined && !isFiniteSpan(rows.firstRow, rows.numRows, layout, outputs);
  });
  if (faulty.length > 0) throw new NonFiniteStepError([...new Set(faulty.map((span) => span.sequenceIndex))]);
}

function isFiniteSpan(firstRow: number, numRows: number, layout: RowLayout, outputs: RunOutputs): boolean {
  const { logits, candidateLogits, newKeyValues, hiddenStates, vocabSize, numCandidates, keyLength, hiddenSize } =
    outputs;
  const lastValues = newKeyValues.length - layout.numRows * keyLength;
  const lastKeys = lastValues - layout.numRows * keyLength;
  const isFiniteAt = (start: number) => areFinite(newKeyValues.subarray(start, start + numRows * keyLength));
  if (!isFiniteAt(lastKeys + firstRow * keyLength) || !isFiniteAt(lastValues + firstRow * keyLength)) return false;
  const hiddenRow = layout.hiddenRows.findIndex((row) => row >= firstRow && row < firstRow + numRows);
  if (hiddenRow >= 0) {
    // They are the span's last rows, so they lie one after another.
    const end = layout.hiddenRows.indexOf(firstRow + numRows - 1) + 1;
    if (!areFinite(hiddenStates.subarray(hiddenRow * hiddenSize, end * hiddenSize))) return false;
  }
  const lastRow = firstRow + numRows - 1;
  const candidateRow = layout.candidateRows.indexOf(lastRow);
  if (candidateRow >= 0 && !Number.isFinite(candidateLogits[candidateRow * numCandidates])) return false;
  const logitRow = layout.logitRows.indexOf(lastRow);
  return logitRow < 0 || Number.isFinite(logits[logitRow * vocabSize]);
}

function areFinite(numbers: Float32Array): boolean {
  // Without a branch in the loop: x - x is 0 for finite x only, and a sum once NaN stays NaN.
  let sum = 0;
  for (const number of numbers) sum += number - number;
  return sum === 0;
}
