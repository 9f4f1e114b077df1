// Lays the tokens of a run's spans out as rows, one after another.
import type { Candidates } from "#engine/sampling/candidates.ts";
import type { KvSlot } from "./kv-pool.ts";
import type { Span } from "./split-step.ts";
import type { RowSpan } from "./tile-plan.ts";

export interface RowLayout {
  /** A multiple of what products want; see `RowMultiples`. */
  readonly numRows: number;
  // row -> its token, position and KV slot; rows past the last are padding
  readonly tokenIds: readonly number[];
  readonly positions: readonly number[];
  readonly slots: readonly KvSlot[];
  readonly spans: readonly RowSpan[];
  /** Rows whose logits are wanted, and where in the step's result each goes. */
  readonly logitRows: readonly number[];
  readonly logitsIndexes: readonly number[];
  /** Rows whose candidates are wanted, and what each fills. */
  readonly candidateRows: readonly number[];
  readonly candidates: readonly Candidates[];
  /** Rows whose hidden states are wanted, and the arrays that each goes to. */
  readonly hiddenRows: readonly number[];
  readonly hiddenStates: readonly Float32Array[];
}

/** @param multiple of the number of rows. */
export function layRows(spans: readonly Span[], blockSize: number, multiple: number): RowLayout {
  const tokenIds: number[] = [];
  const positions: number[] = [];
  const slots: KvSlot[] = [];
  const rowSpans: RowSpan[] = [];
  const logitRows: number[] = [];
  const logitsIndexes: number[] = [];
  const candidateRows: number[] = [];
  const candidates: Candidates[] = [];
  const hiddenRows: number[] = [];
  const hiddenStates: Float32Array[] = [];
  for (const { sequence, start, length, numLogits, logitsIndex, candidates: wantedCandidates } of spans) {
    const first = sequence.numComputedTokens + start;
    rowSpans.push({ firstRow: tokenIds.length, numRows: length, position: first, blockTable: sequence.blockTable });
    for (let index = 0; index < length; index++) {
      const position = first + index;
      const block = sequence.blockTable[Math.floor(position / blockSize)];
      const tokenId = sequence.tokenIds[start + index];
      if (block === undefined || tokenId === undefined) throw new RangeError(`no token or block at ${position}`);
      tokenIds.push(tokenId);
      positions.push(position);
      slots.push({ block, offset: position % blockSize });
    }
    for (let index = 0; index < numLogits; index++) {
      logitRows.push(tokenIds.length - numLogits + index);
      logitsIndexes.push(logitsIndex + index);
    }
    if (wantedCandidates !== undefined) {
      candidateRows.push(tokenIds.length - 1);
      candidates.push(wantedCandidates);
    }
    const wanted = sequence.hiddenStates ?? [];
    for (let index = 0; index < length; index++) {
      const target = wanted[start + index - (sequence.tokenIds.length - wanted.length)];
      if (target === undefined) continue;
      hiddenRows.push(tokenIds.length - length + index);
      hiddenStates.push(target);
    }
  }
  const numRows = padRows(tokenIds.length, multiple);
  const wanted = { logitRows, logitsIndexes, candidateRows, candidates, hiddenRows, hiddenStates };
  return { numRows, tokenIds, positions, slots, spans: rowSpans, ...wanted };
}

/** The least multiple that holds `count` rows. */
export function padRows(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}
