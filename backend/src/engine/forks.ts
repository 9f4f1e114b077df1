import type { GenerationRequest } from "./generation.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";

/**
 * Members of families: sequences that continue the same prompt. One of each, the leader, has its prompt computed; the others,
 * the forks, are held here until its logits are there, from which they all sample their first token. `Member` is whatever
 * the engine keeps of a sequence.
 *
 * Invariant: no family is empty, and a leader is not held.
 */
export class Forks<Member extends { readonly sequence: { readonly id: SequenceId } }> {
  // the leader's id -> its forks, in their order
  readonly #families = new Map<SequenceId, readonly Member[]>();

  hold(leader: SequenceId, forks: readonly Member[]): void {
    if (forks.length > 0) this.#families.set(leader, forks);
  }

  /** How many forks wait for the leader; none for any other sequence. */
  count(leader: SequenceId): number {
    return this.#families.get(leader)?.length ?? 0;
  }

  /** Lets go of the leader's forks: its prompt is computed. */
  take(leader: SequenceId): readonly Member[] {
    const forks = this.#families.get(leader) ?? [];
    this.#families.delete(leader);
    return forks;
  }

  /**
   * A sequence ended, of whatever kind. When it led forks, the first of them leads now and is returned, no longer held:
   * its prompt is to be computed in the other's place.
   */
  leave(id: SequenceId): Member | undefined {
    const [heir, ...others] = this.take(id);
    if (heir !== undefined) {
      this.hold(heir.sequence.id, others);
      return heir;
    }
    for (const [leader, forks] of this.#families) {
      const kept = forks.filter(({ sequence }) => sequence.id !== id);
      if (kept.length === forks.length) continue;
      this.#families.delete(leader);
      this.hold(leader, kept);
      break;
    }
    return undefined;
  }
}

/** The requests of the further sequences, each as if it stood alone. */
export function forksOf({ forkIds = [], ...request }: GenerationRequest): readonly GenerationRequest[] {
  return forkIds.map((sequenceId, index) => ({
    ...request,
    sequenceId,
    sampling: { ...request.sampling, stream: index + 1 },
    logprobs: request.logprobs && { ...request.logprobs, prompt: false },
  }));
}
