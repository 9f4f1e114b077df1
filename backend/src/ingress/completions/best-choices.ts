import type { WholeChoice } from "#ingress/reply/collect-choices.ts";

/**
 * Of every `bestOf` choices in a row, which are those of one prompt, the `n` with the highest log probability per token, best
 * first; of equals the earlier.
 */
export function bestChoices(choices: readonly WholeChoice[], bestOf: number, n: number): readonly WholeChoice[] {
  if (bestOf === n) return choices;
  const best: WholeChoice[] = [];
  for (let start = 0; start < choices.length; start += bestOf) {
    const ofPrompt = choices.slice(start, start + bestOf);
    best.push(...ofPrompt.toSorted((a, b) => score(b) - score(a)).slice(0, n));
  }
  return best;
}

/** An answer without tokens was certain: only its stop token is not told. */
function score({ meanLogprob }: WholeChoice): number {
  return meanLogprob ?? 0;
}
