import type { ScheduledSequence as ExecutorSequence } from "./executor/executor.ts";
import type { LiveGeneration } from "./live-generation.ts";
import type { Candidates } from "./sampling/candidates.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import type { ScheduledSequence } from "./scheduler/step-plan.ts";

/** One generation's part of a step: what is computed, and where its logits will lie. */
export interface StepShare {
  readonly generation: LiveGeneration;
  /** First position to compute. */
  readonly start: number;
  readonly numTokens: number;
  /** Whether the newest token is among them: its logits choose the next one. */
  readonly reachesNewest: boolean;
  /** Computed behind them, in case they are what follows; mostly none. */
  readonly draftTokenIds: readonly number[];
  /** Of how many of its last tokens, drafts included, the logits are wanted. */
  readonly numLogits: number;
  /** Index in the step's logits of the first of them. */
  readonly firstRow: number;
  /** Where the step puts the hidden states of its last tokens; none for a generation that asks for no embedding. */
  readonly hiddenStates: readonly Float32Array[];
  /** What its next token is chosen from instead of logits; absent when it takes logits. */
  readonly candidates: Candidates | undefined;
}

/**
 * In the order of what was scheduled.
 *
 * @param makesDo gives candidates to fill when a generation's next token can be chosen from those.
 * @throws when something scheduled is not live.
 */
export function shareOut(
  scheduled: readonly ScheduledSequence[],
  live: ReadonlyMap<SequenceId, LiveGeneration>,
  makesDo: (generation: LiveGeneration) => Candidates | undefined = () => undefined,
): readonly StepShare[] {
  let numRows = 0;
  return scheduled.map(({ sequence, numTokens, reachesNewest, draftTokenIds }) => {
    const generation = live.get(sequence.id);
    if (generation === undefined) throw new Error(`sequence ${sequence.id} is scheduled but not live`);
    const start = sequence.numComputedTokens;
    const numPromptLogits = generation.promptLogprobs?.numLogits({ start, numTokens }) ?? 0;
    const samples = reachesNewest && generation.pooler === undefined;
    const isDrafted = draftTokenIds.length > 0;
    const candidates = samples && numPromptLogits === 0 && !isDrafted ? makesDo(generation) : undefined;
    const numSampled = samples && candidates === undefined ? 1 + draftTokenIds.length : 0;
    const numLogits = Math.max(numPromptLogits, numSampled);
    const hiddenStates = generation.pooler?.rowsFor({ start, numTokens }) ?? [];
    const firstRow = numRows;
    numRows += numLogits;
    const logitsAt = { numLogits, firstRow };
    return { generation, start, numTokens, reachesNewest, draftTokenIds, ...logitsAt, hiddenStates, candidates };
  });
}

export function toBatchRow({
  generation,
  start,
  numTokens,
  draftTokenIds,
  numLogits,
  hiddenStates,
  candidates,
}: StepShare): ExecutorSequence {
  const { tokenIds, blocks } = generation.sequence;
  return {
    tokenIds: [...tokenIds.slice(start, start + numTokens), ...draftTokenIds],
    numComputedTokens: start,
    blockTable: blocks.blockIds,
    numLogits,
    ...(hiddenStates.length > 0 && { hiddenStates }),
    ...(candidates !== undefined && { candidates }),
  };
}

/** The share's rows of the step's logits, each `[vocabSize]`; views. */
export function rowsOf({ firstRow, numLogits }: StepShare, logits: Float32Array, vocabSize: number): Float32Array[] {
  return Array.from({ length: numLogits }, (_, index) => {
    const start = (firstRow + index) * vocabSize;
    return logits.subarray(start, start + vocabSize);
  });
}
