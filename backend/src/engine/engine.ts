import { candidatesFor, chooseFromCandidates } from "./candidate-choices.ts";
import { checkGrammar } from "./check-grammar.ts";
import { checkRequest } from "./check-request.ts";
import type { Executor, ExecutorSpec } from "./executor/executor.ts";
import { EngineCounter } from "./engine-counter.ts";
import { isAtFault } from "./executor/finite-check.ts";
import type { Admission, EngineLoad, GenerationRequest, SequenceEvent } from "./generation.ts";
import { findRoom, noRoom } from "./find-room.ts";
import { GenerationOpener } from "./generation-opener.ts";
import { Generations } from "./generations.ts";
import type { CompiledGrammar, GrammarId } from "./grammar/compiled-grammar.ts";
import type { Grammars } from "./grammar/grammars.ts";
import { BlockPool } from "./kv/block-pool.ts";
import type { CacheChanges, CacheJournal } from "./kv/cache-journal.ts";
import { draftTokens, finishOf } from "./live-generation.ts";
import { PrefixSharing } from "./prefix-sharing.ts";
import { LogprobReader } from "./sampling/logprobs.ts";
import { TokenChooser } from "./sampling/token-chooser.ts";
import { maxLiveSequences, type SchedulerLimits } from "./scheduler/scheduler-limits.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import type { Sequence } from "./scheduler/sequence.ts";
import type { Draft } from "./scheduler/step-plan.ts";
import type { SpeculationParams } from "./speculation/speculation-params.ts";
import { shareOut, type StepShare, toBatchRow } from "./step-share.ts";
import { StepReader } from "./step-reader.ts";
import { type StepWork, workOf } from "./step-work.ts";
import { TokenAppender } from "./token-appender.ts";

/**
 * The loop's body: each `step` schedules, executes one forward pass, samples, and reports. No threads, no sockets, no
 * clock: the same requests, added before the same steps, give the same events.
 *
 * `add` and `abort` may be called at any time, also while a step is under way; `step` only after the last one settled.
 *
 * What a computed step makes of its sequences is in step-reader.ts; who is under way, and how each ends, in generations.ts.
 *
 * Invariant: a sequence's tokens depend on its request and its place in it alone, not on what runs beside it, on how often it was
 * preempted, or on what the prefix cache had of it.
 */
export class Engine {
  /** The executor's, with `maxModelLen` cut to what the pool can hold for one sequence. */
  readonly spec: ExecutorSpec;
  readonly #executor: Executor;
  readonly #pool: BlockPool;
  readonly #scheduler: Scheduler;
  readonly #chooser: TokenChooser;
  readonly #reader: StepReader;
  readonly #grammars: Grammars | undefined;
  readonly #generations: Generations;
  readonly #draft: Draft | undefined;
  readonly #maxLiveSequences: number;
  readonly #counter = new EngineCounter();
  #journal: CacheJournal | undefined;
  #lastWork: StepWork | undefined;

  /**
   * @param prefixCaching whether requests share the blocks of equal prefixes, also of requests that ended.
   * @param grammars of the model's vocabulary; without them a request with a grammar is refused.
   * @param speculation how tokens are guessed ahead; absent: none are. It changes no output where the executor gives a row the
   *   same bits in any company.
   */
  constructor(
    executor: Executor,
    limits: SchedulerLimits,
    prefixCaching = true,
    grammars?: Grammars,
    speculation?: SpeculationParams,
  ) {
    const { numBlocks, blockSize, tileSize, vocabSize, maxModelLen } = executor.spec;
    this.spec = { ...executor.spec, maxModelLen: Math.min(maxModelLen, numBlocks * blockSize) };
    this.#executor = executor;
    this.#pool = new BlockPool(numBlocks, blockSize, tileSize);
    this.#scheduler = new Scheduler(limits, blockSize);
    this.#maxLiveSequences = maxLiveSequences(limits);
    const prefixes = new PrefixSharing(prefixCaching, executor.spec.embedding);
    this.#grammars = grammars;
    const opener = new GenerationOpener(this.#pool, this.spec, grammars, speculation);
    const parts = { prefixes, scheduler: this.#scheduler, counter: this.#counter };
    this.#generations = new Generations({ ...parts, opener });
    this.#draft = speculation && ((sequence, most) => this.#draftOf(sequence, most));
    this.#chooser = new TokenChooser(vocabSize);
    const numCandidates = executor.fetchLogits === undefined ? executor.spec.numCandidates : undefined;
    const logprobs = new LogprobReader();
    const appender = new TokenAppender(this.#chooser, logprobs, this.spec.maxModelLen, numCandidates);
    this.#reader = new StepReader({ ...parts, generations: this.#generations, appender, logprobs, vocabSize });
  }

  /** What the last `step` computed; absent when that was nothing. */
  get lastWork(): StepWork | undefined {
    return this.#lastWork;
  }

  /** Whether a step would do anything. */
  get hasWork(): boolean {
    return this.#generations.live.size > 0;
  }

  /** Puts a request in line, with all its sequences or none. @throws when a live sequence has one of their ids. */
  add(request: GenerationRequest): Admission {
    const { forks, live } = this.#generations;
    for (const sequenceId of [request.sequenceId, ...(request.forkIds ?? [])]) {
      if (live.has(sequenceId)) throw new Error(`sequence ${sequenceId} is live already`);
    }
    const refusal =
      checkRequest(request, { spec: this.spec, maxLiveSequences: this.#maxLiveSequences }) ??
      checkGrammar(request, this.#grammars);
    if (refusal !== undefined) return refusal;
    const weighed = { scheduler: this.#scheduler, forks, numLive: live.size };
    const room = findRoom(request, { ...weighed, tileSize: this.spec.tileSize });
    if (room.kind !== "room") {
      this.#counter.countTurnedAway(room.measure);
      return noRoom(room);
    }
    const displaced = room.displaced.flatMap(({ sequence }) => this.#generations.displace(sequence.id));
    this.#generations.begin(request);
    return { admitted: true, displaced };
  }

  /** Ends a sequence at once and frees its blocks. Absent when it ended before, or never was. */
  abort(sequenceId: SequenceId): SequenceEvent | undefined {
    const generation = this.#generations.live.get(sequenceId);
    // The blocks may be part of the step under way. Nobody gets them before the next `schedule`, so that does no harm.
    return generation && this.#generations.finish(generation, [], finishOf(generation.sequence, "abort"));
  }

  /**
   * Advances every scheduled sequence by one forward pass. When the pass fails, the sequences at fault end with an error
   * (all of the pass, when it does not say whose fault it was), unless drafts may have been; the others stand as before the step and
   * go on. Rejects only when the engine itself is broken; it must then not be used any more.
   */
  async step(): Promise<readonly SequenceEvent[]> {
    this.#lastWork = undefined;
    if (!this.hasWork) return [];
    const { scheduled, preempted, started } = this.#scheduler.schedule(this.#draft);
    this.#counter.countPreempted(preempted.length);
    if (scheduled.length === 0) throw new Error("sequences are live but none can be scheduled");
    const { live, forks } = this.#generations;
    const shares = shareOut(scheduled, live, (generation) => {
      return forks.count(generation.sequence.id) > 0 ? undefined : candidatesFor(generation, this.#executor);
    });
    this.#lastWork = workOf(scheduled, started);
    let logits: Float32Array;
    let chosen: ReadonlyMap<StepShare, number>;
    try {
      logits = await this.#executor.execute(shares.map(toBatchRow));
      chosen = await chooseFromCandidates(shares, this.#executor, this.#chooser);
    } catch (thrown) {
      return this.#failStep(this.#living(shares.filter((_, index) => isAtFault(thrown, index))), thrown);
    }
    return this.#reader.read(this.#living(shares), logits, chosen);
  }

  load(): EngineLoad {
    const { live } = this.#generations;
    return {
      numRunning: this.#scheduler.numRunning,
      numWaiting: live.size - this.#scheduler.numRunning,
      numDeferred: live.size - this.#scheduler.numRunning - this.#scheduler.numWaiting,
      numQueuedTokens: this.#scheduler.numQueuedTokens,
      numFreeBlocks: this.#pool.numFree,
      numBlocks: this.#pool.numBlocks,
      totals: this.#counter.totals,
    };
  }

  /** Requests may name the grammar from now on. */
  installGrammar(id: GrammarId, compiled: CompiledGrammar): void {
    this.#grammars?.install(id, compiled);
  }

  /** No request will name it any more. */
  dropGrammar(id: GrammarId): void {
    this.#grammars?.drop(id);
  }

  /** Whether `takeCacheChanges` is to tell what the prefix cache can find; turning it on again begins anew. */
  followCache(wanted: boolean): void {
    this.#journal = wanted ? this.#pool.openJournal() : undefined;
    if (!wanted) this.#pool.closeJournal();
  }

  /** What changed since it was last asked; the first time everything. Absent when nothing did, or nobody follows. */
  takeCacheChanges(): CacheChanges | undefined {
    return this.#journal?.take();
  }

  /** Frees the executor. No call may follow. */
  async close(): Promise<void> {
    await this.#executor.close();
  }

  /** Drafts may be what the step failed of: nobody ends then, and it is tried again without them. */
  #failStep(faulty: readonly StepShare[], thrown: unknown): readonly SequenceEvent[] {
    const drafted = faulty.filter(({ draftTokenIds }) => draftTokenIds.length > 0);
    if (drafted.length === 0) return faulty.map(({ generation }) => this.#generations.fail(generation, thrown));
    for (const { generation } of drafted) generation.drafter?.stop();
    return [];
  }

  #draftOf({ id }: Sequence, most: number): readonly number[] {
    const generation = this.#generations.live.get(id);
    return generation === undefined ? [] : draftTokens(generation, most, this.spec.maxModelLen);
  }

  /** Without the requests aborted while the step ran. */
  #living(shares: readonly StepShare[]): StepShare[] {
    return shares.filter(({ generation }) => this.#generations.has(generation));
  }
}
