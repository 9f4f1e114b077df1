import type { Executor } from "./executor/executor.ts";
import { drawBeyond, drawsFromAll, sampleCandidates } from "./sampling/candidates.ts";
import type { TokenChooser } from "./sampling/token-chooser.ts";
import type { LiveGeneration } from "./live-generation.ts";
import type { StepShare } from "./step-share.ts";
import { bannedTokens } from "./stopping/banned-tokens.ts";

/** Whether candidates can take the place of logits when the next token is chosen, at least as a rule. */
export function choosesFromCandidates({ request, sequence, grammar }: LiveGeneration): boolean {
  const { sampling, stopping, logprobs } = request;
  return (
    logprobs === undefined &&
    sampling.adjustments === undefined &&
    grammar === undefined &&
    bannedTokens(stopping, sequence.numOutputTokens).length === 0
  );
}

/**
 * The next tokens of the shares that got candidates in place of logits. Where candidates do not decide, the executor is asked
 * for the whole rows, once for all. A token that is absent could not be chosen.
 *
 * @param shares in the order of the step's batch.
 */
export async function chooseFromCandidates(
  shares: readonly StepShare[],
  executor: Executor,
  chooser: TokenChooser,
): Promise<ReadonlyMap<StepShare, number>> {
  const chosen = new Map<StepShare, number>();
  const undecided: number[] = [];
  for (const [batchIndex, share] of shares.entries()) {
    if (share.candidates === undefined) continue;
    const { request, sequence } = share.generation;
    const tokenId = sampleCandidates(share.candidates, request.sampling, sequence.numOutputTokens);
    if (tokenId === undefined) undecided.push(batchIndex);
    else chosen.set(share, tokenId);
  }
  if (undecided.length === 0) return chosen;
  if (executor.fetchLogits === undefined) throw new Error("candidates without their logits");
  const { vocabSize } = executor.spec;
  const logits = await executor.fetchLogits(undecided);
  for (const [row, batchIndex] of undecided.entries()) {
    const share = shares[batchIndex];
    if (share?.candidates === undefined) continue;
    const whole = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
    chosen.set(share, chooseFromRow(whole, share, chooser));
  }
  return chosen;
}

function chooseFromRow(logits: Float32Array, { generation, candidates }: StepShare, chooser: TokenChooser): number {
  const { request, sequence } = generation;
  const { tokenIds, numOutputTokens } = sequence;
  if (candidates !== undefined && drawsFromAll(request.sampling)) {
    return drawBeyond(logits, candidates, request.sampling, numOutputTokens);
  }
  return chooser.choose(logits, request.sampling, {
    tokenIds,
    numOutputTokens,
    history: undefined,
    bannedTokenIds: [],
  });
}
