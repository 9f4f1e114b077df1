// A step may hold more prompt rows than one run of the graph should: the scores of a long chunk would take too much memory.
// And rows of long prompts gain nothing from sharing a run with decodes, because beyond a few dozen rows the products are
// bound by arithmetic, not by reading the weights, while padding to each other's shapes costs. So a step is one run, or few.
//
// How a sequence is cut depends on its own length only: what else is in the step must not change its result.
import type { Candidates } from "#engine/sampling/candidates.ts";
import type { ScheduledSequence } from "./executor.ts";
import { usualTileSize } from "./tile-size.ts";

/** Consecutive tokens of one sequence. */
export interface Span {
  readonly sequence: ScheduledSequence;
  /** Index of the sequence in the batch. */
  readonly sequenceIndex: number;
  /** Index of the first token in sequence.tokenIds. */
  readonly start: number;
  readonly length: number;
  /** Of how many of the span's last tokens the logits are wanted. */
  readonly numLogits: number;
  /** Index in the step's result of the first of them. */
  readonly logitsIndex: number;
  /** Of the span's last token; absent when they are not wanted. */
  readonly candidates?: Candidates;
}

export const maxPromptRowsPerRun = 512;
/** Scores of a prompt run, per head: this bounds the memory that a run takes, 2 MiB for each head and copy of the scores. */
export const maxPairsPerRun = 512 * 1024;
/** Lengths of pieces are multiples of this where they can be. */
const pieceStep = usualTileSize;
/** Prompt rows in a step up to which they share the decodes' run. */
const maxPromptRowsBesideDecodes = 32;

/** Spans by run, in batch order. The runs go in order, since a span needs the K/V of its sequence's earlier spans. */
export function splitStep(batch: readonly ScheduledSequence[]): readonly (readonly Span[])[] {
  const wholes = wholeSpans(batch);
  const prompts = wholes.filter((span) => span.length > 1);
  const promptRows = prompts.reduce((sum, span) => sum + span.length, 0);
  if (promptRows <= maxPromptRowsBesideDecodes) return [wholes];
  const decodes = wholes.filter((span) => span.length === 1);
  return [...(decodes.length === 0 ? [] : [decodes]), ...packRuns(prompts.flatMap(cutSpan))];
}

function wholeSpans(batch: readonly ScheduledSequence[]): Span[] {
  let logitsIndex = 0;
  return batch.map((sequence, sequenceIndex) => {
    const { tokenIds, numLogits, candidates } = sequence;
    const span = { sequence, sequenceIndex, start: 0, length: tokenIds.length, numLogits, logitsIndex };
    logitsIndex += numLogits;
    return candidates === undefined ? span : { ...span, candidates };
  });
}

/** Pieces small enough for a run; each has the part of the wanted logits that falls to it. */
function cutSpan({ candidates, ...span }: Span): Span[] {
  const pieces: Span[] = [];
  const firstWanted = span.length - span.numLogits;
  for (let start = 0; start < span.length;) {
    const length = pieceLength(span.sequence.numComputedTokens + start, span.length - start);
    const wantedFrom = Math.max(start, firstWanted);
    const numLogits = Math.max(0, start + length - wantedFrom);
    pieces.push({ ...span, start, length, numLogits, logitsIndex: span.logitsIndex + wantedFrom - firstWanted });
    start += length;
  }
  const last = pieces.pop();
  if (last !== undefined) pieces.push(candidates === undefined ? last : { ...last, candidates });
  return pieces;
}

/** How many of `remaining` tokens, the first at `position`, go into one run. */
function pieceLength(position: number, remaining: number): number {
  let length = Math.min(maxPromptRowsPerRun, remaining);
  while (length > pieceStep && length * (position + length) > maxPairsPerRun) {
    length = (Math.ceil(length / pieceStep) - 1) * pieceStep;
  }
  return length;
}

/** Pieces of a sequence never meet in a run: the later one needs what the earlier one stores. */
function packRuns(pieces: readonly Span[]): Span[][] {
  const runs: Span[][] = [];
  let numRows = Infinity;
  let numPairs = 0;
  for (const piece of pieces) {
    const pairs = piece.length * (piece.sequence.numComputedTokens + piece.start + piece.length);
    const isNextPiece = runs.at(-1)?.at(-1)?.sequence === piece.sequence;
    if (isNextPiece || numRows + piece.length > maxPromptRowsPerRun || numPairs + pairs > maxPairsPerRun) {
      runs.push([]);
      numRows = 0;
      numPairs = 0;
    }
    runs.at(-1)?.push(piece);
    numRows += piece.length;
    numPairs += pairs;
  }
  return runs;
}
