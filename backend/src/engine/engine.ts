import { AppError } from "@sluice/shared/errors.ts";
import { checkRequest } from "./check-request.ts";
import type { Executor, ExecutorSpec, ScheduledSequence as ExecutorSequence } from "./executor/executor.ts";
import { NonFiniteStepError } from "./executor/finite-check.ts";
import type { Admission, EngineLoad, Finish, FinishReason, GenerationRequest, SequenceEvent } from "./generation.ts";
import { BlockPool } from "./kv/block-pool.ts";
import { BlockTable } from "./kv/block-table.ts";
import { HashChain } from "./kv/hash-chain.ts";
import { Sampler } from "./sampling/sampler.ts";
import type { SchedulerLimits } from "./scheduler/scheduler-limits.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import { Sequence } from "./scheduler/sequence.ts";
import type { ScheduledSequence } from "./scheduler/step-plan.ts";
import { decideStop } from "./stopping/decide-stop.ts";

interface Generation {
  readonly request: GenerationRequest;
  readonly sequence: Sequence;
}

interface ExecutedShare {
  readonly generation: Generation;
  readonly numTokens: number;
  /** Index of its row in the step's logits; absent when more of the known tokens are still to compute. */
  readonly logitsRow: number | undefined;
}

/**
 * The loop's body: each `step` schedules, executes one forward pass, samples, and reports. No threads, no sockets, no
 * clock: the same requests, added before the same steps, give the same events.
 *
 * `add` and `abort` may be called at any time, also while a step is under way; `step` only after the last one settled.
 *
 * Invariants:
 * 1. Every admitted request ends in exactly one `finished` or `failed` event.
 * 2. A request that ended owns no blocks.
 * 3. A request's tokens depend on that request alone, not on what runs beside it, on how often it was preempted, or on
 *    what the prefix cache had of it.
 */
export class Engine {
  /** The executor's, with `maxModelLen` cut to what the pool can hold for one sequence. */
  readonly spec: ExecutorSpec;
  readonly #executor: Executor;
  readonly #pool: BlockPool;
  readonly #scheduler: Scheduler;
  readonly #sampler: Sampler;
  readonly #prefixCaching: boolean;
  readonly #live = new Map<SequenceId, Generation>();
  readonly #totals = {
    promptTokens: 0,
    generationTokens: 0,
    preemptions: 0,
    prefixCacheQueries: 0,
    prefixCacheHits: 0,
  };
  readonly #ended = { stop: 0, length: 0, abort: 0, error: 0 };

  /** @param prefixCaching whether requests share the blocks of equal prefixes, also of requests that ended. */
  constructor(executor: Executor, limits: SchedulerLimits, prefixCaching = true) {
    const { numBlocks, blockSize, vocabSize, maxModelLen } = executor.spec;
    this.spec = { ...executor.spec, maxModelLen: Math.min(maxModelLen, numBlocks * blockSize) };
    this.#executor = executor;
    this.#pool = new BlockPool(numBlocks, blockSize);
    this.#scheduler = new Scheduler(limits, blockSize);
    this.#prefixCaching = prefixCaching;
    this.#sampler = new Sampler(vocabSize);
  }

  /** Whether a step would do anything. */
  get hasWork(): boolean {
    return this.#live.size > 0;
  }

  /** Puts a request in line. @throws when a live request has the same id. */
  add(request: GenerationRequest): Admission {
    if (this.#live.has(request.sequenceId)) throw new Error(`sequence ${request.sequenceId} is live already`);
    const refusal = checkRequest(request, this.spec);
    if (refusal !== undefined) return refusal;
    if (!this.#scheduler.hasRoomFor(request.promptTokenIds.length)) {
      return { admitted: false, code: "overloaded", detail: "the waiting queue is full" };
    }
    const chain = this.#prefixCaching ? new HashChain(request, this.spec.blockSize) : undefined;
    const sequence = new Sequence(request, new BlockTable(this.#pool, chain));
    this.#scheduler.add(sequence);
    this.#live.set(request.sequenceId, { request, sequence });
    return { admitted: true };
  }

  /** Ends a request at once and frees its blocks. Absent when it ended before, or never was. */
  abort(sequenceId: SequenceId): SequenceEvent | undefined {
    const generation = this.#live.get(sequenceId);
    // The blocks may be part of the step under way. Nobody gets them before the next `schedule`, so that does no harm.
    return generation && this.#finish(generation, [], finishOf(generation.sequence, "abort"));
  }

  /**
   * Advances every scheduled sequence by one forward pass. When the pass fails, the sequences at fault end with an error
   * (all of the pass, when it does not say whose fault it was); the others stand as before the step and go on. Rejects
   * only when the engine itself is broken; it must then not be used any more.
   */
  async step(): Promise<readonly SequenceEvent[]> {
    if (!this.hasWork) return [];
    const { scheduled, preempted } = this.#scheduler.schedule();
    this.#totals.preemptions += preempted.length;
    if (scheduled.length === 0) throw new Error("sequences are live but none can be scheduled");
    let logits: Float32Array;
    try {
      logits = await this.#executor.execute(scheduled.map(toBatchRow));
    } catch (thrown) {
      const faulty = scheduled.filter((_, index) => isAtFault(thrown, index));
      return this.#living(faulty).map(({ generation }) => this.#fail(generation, thrown));
    }
    return this.#advance(scheduled, logits);
  }

  load(): EngineLoad {
    return {
      numRunning: this.#scheduler.numRunning,
      numWaiting: this.#scheduler.numWaiting,
      numQueuedTokens: this.#scheduler.numQueuedTokens,
      numFreeBlocks: this.#pool.numFree,
      numBlocks: this.#pool.numBlocks,
      totals: { ...this.#totals, ended: { ...this.#ended } },
    };
  }

  /** Frees the executor. No call may follow. */
  async close(): Promise<void> {
    await this.#executor.close();
  }

  /** Counts what was computed, and samples where the newest token was reached. */
  #advance(scheduled: readonly ScheduledSequence[], logits: Float32Array): readonly SequenceEvent[] {
    const events: SequenceEvent[] = [];
    for (const { generation, numTokens, logitsRow } of this.#living(scheduled)) {
      generation.sequence.advance(numTokens);
      if (logitsRow !== undefined) events.push(this.#extend(generation, this.#rowOf(logits, logitsRow)));
    }
    return events;
  }

  #rowOf(logits: Float32Array, row: number): Float32Array {
    const { vocabSize } = this.spec;
    return logits.subarray(row * vocabSize, (row + 1) * vocabSize);
  }

  #extend(generation: Generation, logits: Float32Array): SequenceEvent {
    const { request, sequence } = generation;
    let tokenId: number;
    try {
      tokenId = this.#sampler.sample(logits, request.sampling, sequence.numOutputTokens);
    } catch (thrown) {
      return this.#fail(generation, thrown);
    }
    sequence.append(tokenId);
    this.#totals.generationTokens += 1;
    const isFirst = sequence.numOutputTokens === 1;
    if (isFirst) this.#countPrompt(sequence);
    const decision = decideStop(request.stopping, {
      sampledTokenId: tokenId,
      numOutputTokens: sequence.numOutputTokens,
      numTokens: sequence.tokenIds.length,
      maxModelLen: this.spec.maxModelLen,
    });
    switch (decision.kind) {
      case "continue":
        return {
          kind: "tokens",
          sequenceId: request.sequenceId,
          tokenIds: [tokenId],
          ...(isFirst && { numCachedTokens: sequence.numCachedTokens ?? 0 }),
        };
      case "length":
        return this.#finish(generation, [tokenId], finishOf(sequence, "length"));
      case "stop":
        return this.#finish(generation, [], { ...finishOf(sequence, "stop"), stopTokenId: decision.stopTokenId });
    }
  }

  #countPrompt({ numPromptTokens, numCachedTokens = 0 }: Sequence): void {
    this.#totals.promptTokens += numPromptTokens;
    if (!this.#prefixCaching) return;
    this.#totals.prefixCacheQueries += numPromptTokens;
    this.#totals.prefixCacheHits += numCachedTokens;
  }

  #finish(generation: Generation, tokenIds: readonly number[], finish: Finish): SequenceEvent {
    this.#ended[finish.reason] += 1;
    return { kind: "finished", sequenceId: this.#forget(generation), tokenIds, finish };
  }

  #fail(generation: Generation, thrown: unknown): SequenceEvent {
    this.#ended.error += 1;
    const { code, message } = AppError.from(thrown);
    return { kind: "failed", sequenceId: this.#forget(generation), code, detail: message };
  }

  #forget({ sequence }: Generation): SequenceId {
    this.#live.delete(sequence.id);
    this.#scheduler.remove(sequence);
    return sequence.id;
  }

  /** What was scheduled, without the requests aborted while the step ran. */
  #living(scheduled: readonly ScheduledSequence[]): ExecutedShare[] {
    let numRows = 0;
    return scheduled.flatMap(({ sequence, numTokens, reachesNewest }) => {
      const logitsRow = reachesNewest ? numRows++ : undefined;
      const generation = this.#live.get(sequence.id);
      return generation === undefined ? [] : [{ generation, numTokens, logitsRow }];
    });
  }
}

function toBatchRow({ sequence, numTokens, reachesNewest }: ScheduledSequence): ExecutorSequence {
  const start = sequence.numComputedTokens;
  return {
    tokenIds: sequence.tokenIds.slice(start, start + numTokens),
    numComputedTokens: start,
    blockTable: sequence.blocks.blockIds,
    needsLogits: reachesNewest,
  };
}

function isAtFault(thrown: unknown, batchIndex: number): boolean {
  return !(thrown instanceof NonFiniteStepError) || thrown.sequenceIndexes.includes(batchIndex);
}

function finishOf(sequence: Sequence, reason: FinishReason): Finish {
  return {
    reason,
    numPromptTokens: sequence.numPromptTokens,
    numCachedTokens: sequence.numCachedTokens ?? 0,
    numCompletionTokens: sequence.numOutputTokens,
  };
}
