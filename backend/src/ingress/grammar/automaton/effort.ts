import { TooManyStates } from "./automaton.ts";

/**
 * Steps that writing one grammar may take: states entered, moves followed, values compared. It is done while everybody else's
 * tokens wait, and a pattern of twenty characters can ask for any amount of it; so many steps take some 0.2 s. What schemas of real use take is a hundredth of it.
 */
const MAX_STEPS = 1_000_000;

/** What one grammar has taken so far. */
export class Effort {
  #numSteps = 0;

  /** @throws TooManyStates when that is more than there may be. */
  spend(numSteps: number): void {
    this.#numSteps += numSteps;
    if (this.#numSteps > MAX_STEPS) throw new TooManyStates();
  }
}
