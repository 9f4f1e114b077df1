import { AppError } from "@sluice/shared/errors.ts";
import type { EngineCounter } from "./engine-counter.ts";
import { Forks, forksOf } from "./forks.ts";
import type { Finish, GenerationRequest, Logprobs, SequenceEvent } from "./generation.ts";
import type { GenerationOpener } from "./generation-opener.ts";
import type { LiveGeneration } from "./live-generation.ts";
import type { PrefixSharing } from "./prefix-sharing.ts";
import type { Scheduler } from "./scheduler/scheduler.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";

interface GenerationsParts {
  readonly opener: GenerationOpener;
  readonly prefixes: PrefixSharing;
  readonly scheduler: Scheduler;
  readonly counter: EngineCounter;
}

/**
 * The generations under way, from their admission to their end.
 *
 * Invariants:
 * 1. Each ends in exactly one `finished` or `failed` event.
 * 2. One that ended owns no blocks.
 */
export class Generations {
  readonly #parts: GenerationsParts;
  readonly #live = new Map<SequenceId, LiveGeneration>();
  /** Those whose prompt another computes. */
  readonly forks = new Forks<LiveGeneration>();

  constructor(parts: GenerationsParts) {
    this.#parts = parts;
  }

  /** sequenceId -> its generation; held forks included. */
  get live(): ReadonlyMap<SequenceId, LiveGeneration> {
    return this.#live;
  }

  /** Whether the generation has not ended. */
  has(generation: LiveGeneration): boolean {
    return this.#live.get(generation.sequence.id) === generation;
  }

  /** Puts an admitted request in line, with all its sequences. */
  begin(request: GenerationRequest): void {
    const scope = this.#parts.prefixes.scopeOf(request);
    const start = (each: GenerationRequest): LiveGeneration => {
      const generation = this.#parts.opener.open(each, scope);
      this.#live.set(each.sequenceId, generation);
      return generation;
    };
    this.#lead(start(request));
    this.forks.hold(request.sequenceId, forksOf(request).map(start));
  }

  /** Ends a request that waits, to make room. */
  displace(id: SequenceId): readonly SequenceEvent[] {
    const detail = "displaced from the full waiting queue, of which the tenant had more than its share";
    const forkIds = this.forks.take(id).map(({ sequence }) => sequence.id);
    return [id, ...forkIds].flatMap((each) => {
      const generation = this.#live.get(each);
      return generation ? [this.fail(generation, new AppError("rate_limit_exceeded", { detail }))] : [];
    });
  }

  /** Ends a generation as it should. @param tokenIds the last that it is told of. */
  finish(
    generation: LiveGeneration,
    tokenIds: readonly number[],
    finish: Finish,
    reported: { readonly logprobs?: Logprobs; readonly embedding?: Float32Array } = {},
  ): SequenceEvent {
    this.#parts.counter.countEnded(finish.reason);
    return { kind: "finished", sequenceId: this.#forget(generation), tokenIds, finish, ...reported };
  }

  /** Ends a generation with an error. */
  fail(generation: LiveGeneration, thrown: unknown): SequenceEvent {
    this.#parts.counter.countEnded("error");
    const { code, message } = AppError.from(thrown);
    return { kind: "failed", sequenceId: this.#forget(generation), code, detail: message };
  }

  /** Puts a generation in line whose prompt is to be computed. */
  #lead({ request, sequence }: LiveGeneration): void {
    if (this.#parts.prefixes.usesCache(request)) sequence.blocks.announce(request.promptTokenIds);
    this.#parts.scheduler.add(sequence);
  }

  #forget({ sequence, grammar }: LiveGeneration): SequenceId {
    grammar?.close();
    this.#live.delete(sequence.id);
    this.#parts.scheduler.remove(sequence);
    const heir = this.forks.leave(sequence.id);
    if (heir !== undefined) this.#lead(heir);
    sequence.blocks.retract();
    return sequence.id;
  }
}
