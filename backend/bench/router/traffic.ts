import { uniformAt } from "#engine/sampling/philox.ts";
import { drawPrompt, logNormalLengths } from "../workload.ts";

export interface TrafficOptions {
  readonly numTenants: number;
  /** Tokens that all prompts of a tenant begin with. */
  readonly numPrefixTokens: number;
  readonly requestsPerSecond: number;
  /** Before it the rate rises in a line from nothing. */
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly vocabSize: number;
  /** Another gives other moments and other tenants. */
  readonly seed: number;
}

/** A prompt that comes at a moment. */
export interface Arrival {
  readonly atMs: number;
  readonly tenant: string;
  readonly promptTokenIds: readonly number[];
  readonly maxTokens: number;
}

/** Of what follows the prefix, and of outputs. */
export const medianQuestionTokens = 64;
export const medianOutputTokens = 48;
const sigma = 0.6;

/** Poisson arrivals of tenants that ask equally often; the same every time for a seed. */
export function makeTraffic(options: TrafficOptions): Arrival[] {
  const { numTenants, numPrefixTokens, requestsPerSecond, warmUpMs, durationMs, vocabSize, seed } = options;
  const count = Math.round((requestsPerSecond * (warmUpMs / 2 + durationMs)) / 1e3);
  const prefixes = Array.from({ length: numTenants }, (_, tenant) =>
    drawPrompt(`prefix ${tenant}`, numPrefixTokens, vocabSize),
  );
  const questions = logNormalLengths(count, medianQuestionTokens, sigma, 512);
  const outputs = logNormalLengths(count, medianOutputTokens, sigma, 256);
  // Time as if the rate had been the same all along.
  let evenMs = 0;
  return questions.map((numTokens, index) => {
    evenMs -= (Math.log(1 - uniformAt(seed, 2 * index)) * 1e3) / requestsPerSecond;
    const tenant = Math.floor(uniformAt(seed, 2 * index + 1) * numTenants);
    const question = drawPrompt(`question ${index}`, numTokens, vocabSize);
    return {
      atMs: evenMs < warmUpMs / 2 ? Math.sqrt(2 * warmUpMs * evenMs) : evenMs + warmUpMs / 2,
      tenant: `tenant ${tenant}`,
      promptTokenIds: [...(prefixes[tenant] ?? []), ...question],
      // The lengths of questions and of outputs come from one stream: read backwards, they have nothing to do with each other.
      maxTokens: outputs[count - 1 - index] ?? 1,
    };
  });
}
