// A row of logits in short: its likeliest tokens, and what all of them weigh together. That is enough for most choices, which
// then need not see the vocabulary. A choice from candidates is the choice from the whole row, up to how the sum is rounded.
import { uniformAt } from "./philox.ts";
import { drawnAgain, type SamplingParams } from "./sampling-params.ts";
import { allowsToken, type TokenMask } from "./token-mask.ts";

/** Whoever computes the row fills it. */
export interface Candidates {
  /** That of `totalWeight`; 0 is greedy, and leaves it meaningless. */
  readonly temperature: number;
  /** In rank order: the likeliest first, of equal ones the lowest id. */
  readonly tokenIds: Int32Array;
  readonly logits: Float32Array;
  /** Sum over the vocabulary of exp((logit - largest logit) / temperature). */
  totalWeight: number;
}

export function makeCandidates(count: number, temperature: number): Candidates {
  return { temperature, tokenIds: new Int32Array(count), logits: new Float32Array(count), totalWeight: NaN };
}

/**
 * The token that `params` choose; absent when that takes the whole row: when tokens may be kept, or drawn, beyond the
 * candidates. Where nothing is cut, `drawBeyond` goes on from there.
 *
 * @param index how many tokens this sequence sampled before; names the draw within the seed's stream.
 * @throws when the largest logit is not finite.
 */
export function sampleCandidates(candidates: Candidates, params: SamplingParams, index: number): number | undefined {
  const { tokenIds } = candidates;
  const largest = candidates.logits[0] ?? NaN;
  if (!Number.isFinite(largest)) throw new Error(`largest logit is ${largest}`);
  if (params.temperature === 0 || params.topK === 1) return tokenIds[0];
  const weights = weigh(candidates);
  const kept = keep(weights, params, candidates.totalWeight);
  if (kept === undefined) return undefined;
  let remaining = uniformAt(params.seed, index, params.stream) * kept.total;
  for (let rank = 0; rank < kept.count; rank += 1) {
    remaining -= weights[rank] ?? 0;
    if (remaining < 0) return tokenIds[rank];
  }
  // Rounding can leave `remaining` at 0 past the end.
  return kept.isAll ? tokenIds[Math.max(0, lastOfWeight(weights, kept.count))] : undefined;
}

/**
 * Another token than `sampleCandidates` gave, of those that are allowed, where the candidates decide alone; undefined when none of
 * them is.
 */
export function sampleAgain(
  { tokenIds, logits, temperature }: Candidates,
  allowed: TokenMask,
  params: SamplingParams,
  index: number,
): number | undefined {
  const ranks = [...tokenIds.keys()].filter((rank) => allowsToken(allowed, tokenIds[rank] ?? 0));
  if (ranks.length === 0) return undefined;
  const left = makeCandidates(ranks.length, temperature);
  for (const [to, from] of ranks.entries()) {
    left.tokenIds[to] = tokenIds[from] ?? 0;
    left.logits[to] = logits[from] ?? NaN;
  }
  return sampleCandidates(left, { ...drawnAgain(params), topK: Math.min(params.topK, ranks.length) }, index);
}

/** Whether `sampleCandidates` gives a token whatever the row, and without `totalWeight`: nothing beyond the candidates is ever kept. */
export function decideAlone({ temperature, topK }: SamplingParams, numCandidates: number): boolean {
  return temperature === 0 || (topK > 0 && topK <= numCandidates);
}

/** A draw over the whole vocabulary that fell beyond the candidates: goes on where `sampleCandidates` stopped. */
export function drawBeyond(
  logits: Float32Array,
  candidates: Candidates,
  params: SamplingParams,
  index: number,
): number {
  const { temperature, totalWeight, tokenIds } = candidates;
  const largest = candidates.logits[0] ?? NaN;
  const passed = new Set(tokenIds);
  let remaining = uniformAt(params.seed, index, params.stream) * totalWeight - sum(weigh(candidates), tokenIds.length);
  let drawn = tokenIds[0] ?? 0;
  for (let id = 0; id < logits.length; id += 1) {
    if (passed.has(id)) continue;
    const weight = Math.exp(((logits[id] ?? NaN) - largest) / temperature);
    if (weight === 0) continue;
    drawn = id;
    remaining -= weight;
    if (remaining < 0) break;
  }
  return drawn;
}

/** Whether nothing is cut from the vocabulary before the draw. */
export function drawsFromAll({ temperature, topK, topP, minP = 0 }: SamplingParams): boolean {
  return temperature > 0 && topK === 0 && topP === 1 && minP === 0;
}

/** The first `count` candidates are those that may be drawn, or the first of them when `isAll` is false. */
interface Kept {
  readonly count: number;
  /** The weight of all that may be drawn. */
  readonly total: number;
  readonly isAll: boolean;
}

/** What temperature, min-p, top-k and top-p leave; absent when that cannot be told from the candidates. */
function keep(weights: Float64Array, params: SamplingParams, totalWeight: number): Kept | undefined {
  const { topK, topP, minP = 0 } = params;
  let count = topK > 0 ? Math.min(topK, weights.length) : weights.length;
  let isAll = topK > 0 && topK <= weights.length;
  // Weights fall with the rank, so min-p cuts within the candidates when the last of them is cut.
  if (minP > 0 && (weights[count - 1] ?? 0) < minP) {
    while ((weights[count - 1] ?? 0) < minP) count -= 1;
    isAll = true;
  }
  // A cut that lies beyond the candidates leaves a total that nobody knows here.
  if (!isAll && (topK > 0 || minP > 0)) return undefined;
  const total = isAll ? sum(weights, count) : totalWeight;
  if (topP === 1) return { count, total, isAll };
  let mass = 0;
  for (let rank = 0; rank < count; rank += 1) {
    mass += weights[rank] ?? 0;
    if (mass >= topP * total) return { count: rank + 1, total: mass, isAll: true };
  }
  return isAll ? { count, total, isAll } : undefined;
}

function weigh({ logits, temperature }: Candidates): Float64Array {
  const largest = logits[0] ?? NaN;
  return Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
}

function sum(weights: Float64Array, count: number): number {
  let total = 0;
  for (let rank = 0; rank < count; rank += 1) total += weights[rank] ?? 0;
  return total;
}

function lastOfWeight(weights: Float64Array, count: number): number {
  let last = count - 1;
  while (last > 0 && weights[last] === 0) last -= 1;
  return last;
}
