import { candidatesFor, chooseFromCandidates } from "./candidate-choices.ts";
import { checkGrammar } from "./check-grammar.ts";
import { checkRequest } from "./check-request.ts";
import type { Pooler } from "./embedding/pooler.ts";
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
import { joinEvents } from "./join-events.ts";
import { draftTokens, finishOf, type LiveGeneration } from "./live-generation.ts";
import { PrefixSharing } from "./prefix-sharing.ts";
import { LogprobReader, type TokenLogprobs } from "./sampling/logprobs.ts";
import { TokenChooser } from "./sampling/token-chooser.ts";
import { maxLiveSequences, type SchedulerLimits } from "./scheduler/scheduler-limits.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import type { Sequence } from "./scheduler/sequence.ts";
import type { Draft } from "./scheduler/step-plan.ts";
import type { SpeculationParams } from "./speculation/speculation-params.ts";
import { rowsOf, shareOut, type StepShare, toBatchRow } from "./step-share.ts";
import { type StepWork, workOf } from "./step-work.ts";
import { type NextToken, TokenAppender } from "./token-appender.ts";

/**
 * The loop's body: each `step` schedules, executes one forward pass, samples, and reports. No threads, no sockets, no
 * clock: the same requests, added before the same steps, give the same events.
 *
 * `add` and `abort` may be called at any time, also while a step is under way; `step` only after the last one settled.
 *
 * Longer than most files: what a step makes of a sequence is told in one place. Who is under way, and how each ends, is in
 * generations.ts.
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
  readonly #logprobs = new LogprobReader();
  readonly #appender: TokenAppender;
  readonly #prefixes: PrefixSharing;
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
    this.#prefixes = new PrefixSharing(prefixCaching, executor.spec.embedding);
    this.#grammars = grammars;
    const opener = new GenerationOpener(this.#pool, this.spec, grammars, speculation);
    const parts = { opener, prefixes: this.#prefixes, scheduler: this.#scheduler, counter: this.#counter };
    this.#generations = new Generations(parts);
    this.#draft = speculation && ((sequence, most) => this.#draftOf(sequence, most));
    this.#chooser = new TokenChooser(vocabSize);
    const numCandidates = executor.fetchLogits === undefined ? executor.spec.numCandidates : undefined;
    this.#appender = new TokenAppender(this.#chooser, this.#logprobs, this.spec.maxModelLen, numCandidates);
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
    return this.#advance(shares, logits, chosen);
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

  /** Counts what was computed, and reads the logits that were wanted. */
  #advance(
    shares: readonly StepShare[],
    logits: Float32Array,
    chosen: ReadonlyMap<StepShare, number>,
  ): readonly SequenceEvent[] {
    const events: SequenceEvent[] = [];
    for (const share of this.#living(shares)) {
      share.generation.sequence.advance(share.numTokens);
      if (share.draftTokenIds.length > 0) events.push(...this.#verify(share, logits));
      else if (share.numLogits > 0) events.push(...this.#readLogits(share, rowsOf(share, logits, this.spec.vocabSize)));
      const tokenId = chosen.get(share);
      if (tokenId !== undefined) events.push(this.#extend(share.generation, { tokenId }, []));
      if (share.generation.pooler !== undefined) events.push(...this.#embed(share, share.generation.pooler));
    }
    return events;
  }

  /**
   * Samples from the logits of the newest token, and goes on with those of its drafts for as long as they are what was
   * sampled: each is then computed as if it had been known.
   */
  #verify(share: StepShare, logits: Float32Array): readonly SequenceEvent[] {
    const { generation, draftTokenIds } = share;
    const { sequence, request } = generation;
    const events: SequenceEvent[] = [];
    for (const [index, row] of rowsOf(share, logits, this.spec.vocabSize).entries()) {
      if (index > 0) {
        if (events.at(-1)?.kind !== "tokens" || sequence.tokenIds.at(-1) !== draftTokenIds[index - 1]) break;
        sequence.advance(1);
        this.#scheduler.chargeOutput(request.tenant);
      }
      events.push(this.#extend(generation, row, []));
    }
    this.#counter.countDraft(draftTokenIds.length, events.length - 1);
    return joinEvents(events);
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

  /** Adds the chunk's hidden states to the embedding, which is finished by the newest token's. */
  #embed({ generation, start, numTokens, reachesNewest, hiddenStates }: StepShare, pooler: Pooler): SequenceEvent[] {
    try {
      pooler.take({ start, numTokens }, hiddenStates);
      if (!reachesNewest) return [];
      this.#countPrompt(generation);
      const embedding = pooler.finish(generation.request.embedding?.numDimensions);
      return [this.#generations.finish(generation, [], finishOf(generation.sequence, "length"), { embedding })];
    } catch (thrown) {
      return [this.#generations.fail(generation, thrown)];
    }
  }

  #readLogits(share: StepShare, rows: readonly Float32Array[]): readonly SequenceEvent[] {
    const { generation, reachesNewest } = share;
    try {
      const prompt = generation.promptLogprobs?.read(share, rows, this.#logprobs) ?? [];
      const newest = reachesNewest ? rows.at(-1) : undefined;
      if (newest !== undefined) {
        // Taken first: the leader may end here, and must leave no heir.
        const forks = this.#generations.forks.take(generation.sequence.id);
        return [this.#extend(generation, newest, prompt), ...forks.map((fork) => this.#join(fork, newest))];
      }
      const { sequenceId } = generation.request;
      return [{ kind: "tokens", sequenceId, tokenIds: [], logprobs: { tokens: [], prompt } }];
    } catch (thrown) {
      return [this.#generations.fail(generation, thrown)];
    }
  }

  /**
   * Samples a fork's first token from the logits of the prompt that another computed. It then stands where a sequence stands
   * that was preempted after its first token, and finds the prompt's full blocks as that would find its own.
   */
  #join(fork: LiveGeneration, logits: Float32Array): SequenceEvent {
    const event = this.#extend(fork, logits, []);
    this.#scheduler.chargeOutput(fork.request.tenant);
    if (event.kind === "tokens") this.#scheduler.add(fork.sequence);
    return event;
  }

  /** Gives the generation its next token. @param prompt the logprobs of the prompt that this step brought. */
  #extend(generation: LiveGeneration, next: NextToken, prompt: readonly TokenLogprobs[]): SequenceEvent {
    const { sequence } = generation;
    const { numOutputTokens } = sequence;
    // A fork's first token comes before anything is computed for it.
    const isFirst = numOutputTokens === 0 && sequence.numComputedTokens > 0;
    if (isFirst) this.#countPrompt(generation);
    try {
      const { tokenIds, end, ...reported } = this.#appender.append(generation, next, prompt);
      this.#counter.countSampled(sequence.numOutputTokens - numOutputTokens);
      if (end !== undefined) {
        return this.#generations.finish(generation, tokenIds, { ...finishOf(sequence, end.reason), ...end }, reported);
      }
      const cached = isFirst ? { numCachedTokens: sequence.numCachedTokens ?? 0 } : {};
      return { kind: "tokens", sequenceId: sequence.id, tokenIds, ...cached, ...reported };
    } catch (thrown) {
      return this.#generations.fail(generation, thrown);
    }
  }

  #countPrompt({ request, sequence }: LiveGeneration): void {
    const { numPromptTokens, numCachedTokens = 0 } = sequence;
    const asked = this.#prefixes.usesCache(request);
    this.#counter.countPrompt({ numPromptTokens, numCachedTokens: asked ? numCachedTokens : undefined });
  }

  /** Without the requests aborted while the step ran. */
  #living(shares: readonly StepShare[]): StepShare[] {
    return shares.filter(({ generation }) => this.#generations.has(generation));
  }
}
