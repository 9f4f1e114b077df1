import type { Executor } from "./executor/executor.ts";
import {
  type Candidates,
  decideAlone,
  drawBeyond,
  drawsFromAll,
  makeCandidates,
  sampleAgain,
  sampleCandidates,
} from "./sampling/candidates.ts";
import { argmax } from "./sampling/argmax.ts";
import { selectTop } from "./sampling/rank.ts";
import type { TokenChooser } from "./sampling/token-chooser.ts";
import type { LiveGeneration } from "./live-generation.ts";
import type { StepShare } from "./step-share.ts";
import { bannedTokens } from "./stopping/banned-tokens.ts";

/** To fill, when the executor can and the next token can be chosen from them, at least as a rule. */
export function candidatesFor(generation: LiveGeneration, executor: Executor): Candidates | undefined {
  const { numCandidates } = executor.spec;
  if (numCandidates === undefined || !choosesFromCandidates(generation)) return undefined;
  const { sampling } = generation.request;
  if (executor.fetchLogits === undefined && !decideAlone(sampling, numCandidates)) return undefined;
  return makeCandidates(numCandidates, sampling.temperature);
}

/** Whether candidates can take the place of logits when the next token is chosen, at least as a rule. */
function choosesFromCandidates({ request, sequence, grammar, text }: LiveGeneration): boolean {
  const { sampling, stopping, logprobs } = request;
  return (
    logprobs === undefined &&
    sampling.adjustments === undefined &&
    grammar === undefined &&
    // What ends a character is seldom among the likeliest where the model did not mean to.
    text?.isInsideCharacter !== true &&
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
    const tokenId = chooseWithoutRow(share.candidates, share.generation, executor.fetchLogits !== undefined);
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

/**
 * The next token out of the whole row, where `candidatesFor` would have had candidates take its place: what those would have
 * given. Undefined where it would not.
 */
export function chooseAsCandidates(
  logits: Float32Array,
  generation: LiveGeneration,
  numCandidates: number | undefined,
): number | undefined {
  const { sampling } = generation.request;
  if (numCandidates === undefined || !decideAlone(sampling, numCandidates)) return undefined;
  if (!choosesFromCandidates(generation)) return undefined;
  if (sampling.temperature === 0) {
    const likeliest = argmax(logits);
    if (generation.text?.alternativesTo(likeliest) === undefined) return likeliest;
  }
  const candidates = makeCandidates(numCandidates, sampling.temperature);
  selectTop(logits, numCandidates, candidates.tokenIds);
  for (const [rank, tokenId] of candidates.tokenIds.entries()) candidates.logits[rank] = logits[tokenId] ?? NaN;
  return chooseWithoutRow(candidates, generation, false);
}

/** Undefined when that takes the whole row. @param hasRow whether there is one; else the candidates decide alone. */
function chooseWithoutRow(
  candidates: Candidates,
  { request: { sampling }, sequence: { numOutputTokens }, text }: LiveGeneration,
  hasRow: boolean,
): number | undefined {
  const first = sampleCandidates(candidates, sampling, numOutputTokens);
  const alternatives = first === undefined ? undefined : text?.alternativesTo(first);
  if (alternatives === undefined) return first;
  return hasRow ? undefined : (sampleAgain(candidates, alternatives, sampling, numOutputTokens) ?? first);
}

function chooseFromRow(logits: Float32Array, { generation, candidates }: StepShare, chooser: TokenChooser): number {
  const { request, sequence, text } = generation;
  const { sampling } = request;
  const { tokenIds, numOutputTokens } = sequence;
  const state = { tokenIds, numOutputTokens, history: undefined, bannedTokenIds: [] };
  const first =
    (candidates && sampleCandidates(candidates, sampling, numOutputTokens)) ??
    (candidates && drawsFromAll(sampling)
      ? drawBeyond(logits, candidates, sampling, numOutputTokens)
      : chooser.choose(logits, sampling, state));
  const alternatives = text?.alternativesTo(first);
  return alternatives === undefined
    ? first
    : chooser.chooseAgain(logits, sampling, { ...state, allowed: alternatives });
}
