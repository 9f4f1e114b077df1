// A step may hold more prompt rows than one run of the graph should: the scores of a long chunk would take too much memory.
// And rows of long prompts gain nothing from sharing a run with decodes, because beyond a few dozen rows the products are
// bound by arithmetic, not by reading the weights, while padding to each other's shapes costs. So a step is one run, or few.
//
// How a sequence is cut depends on its own length only: what else is in the step must not change its result.
import type { ScheduledSequence } from "./executor.ts";

/** Consecutive tokens of one sequence. */
export interface Span {
  readonly sequence: ScheduledSequence;
  /** Index of the sequence in the batch. */
  readonly sequenceIndex: number;
  /** Index of the first token in sequence.tokenIds. */
  readonly start: number;
  readonly length: number;
  /** Index of the sequence's logits in the step's result; absent when the span does not end in wanted logits. */
  readonly logitsIndex?: number;
}

export const maxPromptRowsPerRun = 512;
/** Prompt rows in a step up to which they share the decodes' run. */
const maxPromptRowsBesideDecodes = 32;

/** Spans by run; the runs go in order, since a span needs the K/V of its sequence's earlier spans. */
export function splitStep(batch: readonly ScheduledSequence[]): readonly (readonly Span[])[] {
  const decodes: Span[] = [];
  const prompts: Span[][] = [];
  let lastRows = Infinity;
  let promptRows = 0;
  let numLogits = 0;
  for (const [sequenceIndex, sequence] of batch.entries()) {
    const logits = sequence.needsLogits ? { logitsIndex: numLogits++ } : {};
    const { length: total } = sequence.tokenIds;
    if (total === 1) {
      decodes.push({ sequence, sequenceIndex, start: 0, length: 1, ...logits });
      continue;
    }
    promptRows += total;
    for (let start = 0; start < total; start += maxPromptRowsPerRun) {
      const length = Math.min(maxPromptRowsPerRun, total - start);
      const span = { sequence, sequenceIndex, start, length, ...(start + length === total ? logits : {}) };
      if (lastRows + length > maxPromptRowsPerRun) {
        prompts.push([]);
        lastRows = 0;
      }
      prompts.at(-1)?.push(span);
      lastRows += length;
    }
  }
  if (decodes.length === 0) return prompts;
  if (promptRows <= maxPromptRowsBesideDecodes) return [[...decodes, ...prompts.flat()]];
  return [decodes, ...prompts];
}
