import { type Candidate, chooseEngine } from "#ingress/engines/choose-engine.ts";

/** A way to choose an engine. */
export interface Policy {
  readonly name: string;
  choose<C extends Candidate>(candidates: readonly C[], random: () => number): C | undefined;
}

export const policies: readonly Policy[] = [
  {
    name: "random",
    choose: (candidates, random) => candidates[Math.floor(random() * candidates.length)],
  },
  {
    // By sequences and queued tokens: what is left of the choice when prefixes and pace are unknown.
    name: "least load",
    choose: (candidates, random) => {
      const blind = candidates.map((candidate) => ({
        candidate,
        view: { ...candidate.view, numHeldTokens: 0, homeRank: undefined, pace: {} },
      }));
      return chooseEngine(blind, random)?.candidate.candidate;
    },
  },
  {
    name: "prefix-aware",
    choose: (candidates, random) => chooseEngine(candidates, random)?.candidate,
  },
];
