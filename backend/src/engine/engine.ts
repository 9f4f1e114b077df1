import { AppError } from "@sluice/shared/errors.ts";
import { HashChain, type PrefixScope } from "@sluice/shared/hash-chain.ts";
import { sha256 } from "#platform/sha256.ts";
import { chooseFromCandidates } from "./candidate-choices.ts";
import { checkRequest } from "./check-request.ts";
import type { Pooler } from "./embedding/pooler.ts";
import type { Executor, ExecutorSpec } from "./executor/executor.ts";
import { NonFiniteStepError } from "./executor/finite-check.ts";
import type {
  Admission,
  EngineLoad,
  Finish,
  FinishReason,
  GenerationRequest,
  Logprobs,
  Refusal,
  SequenceEvent,
} from "./generation.ts";
import { findRoom, noRoom } from "./find-room.ts";
import { Forks, forksOf } from "./forks.ts";
import type { Grammars } from "./grammar/grammars.ts";
import { BlockPool } from "./kv/block-pool.ts";
import type { CacheChanges, CacheJournal } from "./kv/cache-journal.ts";
import { BlockTable } from "./kv/block-table.ts";
import { type LiveGeneration, startGeneration } from "./live-generation.ts";
import { type Candidates, makeCandidates } from "./sampling/candidates.ts";
import { LogprobReader, type TokenLogprobs } from "./sampling/logprobs.ts";
import { TokenChooser } from "./sampling/token-chooser.ts";
import { maxLiveSequences, type SchedulerLimits } from "./scheduler/scheduler-limits.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import { Sequence } from "./scheduler/sequence.ts";
import { shareOut, type StepShare, toBatchRow } from "./step-share.ts";
import { type StepWork, workOf } from "./step-work.ts";
import { bannedTokens } from "./stopping/banned-tokens.ts";
import { decideStop } from "./stopping/decide-stop.ts";

/**
 * The loop's body: each `step` schedules, executes one forward pass, samples, and reports. No threads, no sockets, no
 * clock: the same requests, added before the same steps, give the same events.
 *
 * `add` and `abort` may be called at any time, also while a step is under way; `step` only after the last one settled.
 *
 * Invariants:
 * 1. Every sequence of an admitted request ends in exactly one `finished` or `failed` event.
 * 2. A sequence that ended owns no blocks.
 * 3. A sequence's tokens depend on its request and its place in it alone, not on what runs beside it, on how often it was
 *    preempted, or on what the prefix cache had of it.
 */
export class Engine {
  /** The executor's, with `maxModelLen` cut to what the pool can hold for one sequence. */
  readonly spec: ExecutorSpec;
  readonly #executor: Executor;
  readonly #pool: BlockPool;
  readonly #scheduler: Scheduler;
  readonly #chooser: TokenChooser;
  readonly #logprobs = new LogprobReader();
  readonly #prefixCaching: boolean;
  readonly #grammars: Grammars | undefined;
  readonly #live = new Map<SequenceId, LiveGeneration>();
  readonly #forks = new Forks<LiveGeneration>();
  readonly #maxLiveSequences: number;
  readonly #totals = {
    promptTokens: 0,
    generationTokens: 0,
    preemptions: 0,
    prefixCacheQueries: 0,
    prefixCacheHits: 0,
  };
  readonly #ended = { stop: 0, length: 0, abort: 0, error: 0 };
  #journal: CacheJournal | undefined;
  #lastWork: StepWork | undefined;

  /**
   * @param prefixCaching whether requests share the blocks of equal prefixes, also of requests that ended.
   * @param grammars of the model's vocabulary; without them a request with a grammar is refused.
   */
  constructor(executor: Executor, limits: SchedulerLimits, prefixCaching = true, grammars?: Grammars) {
    const { numBlocks, blockSize, vocabSize, maxModelLen } = executor.spec;
    this.spec = { ...executor.spec, maxModelLen: Math.min(maxModelLen, numBlocks * blockSize) };
    this.#executor = executor;
    this.#pool = new BlockPool(numBlocks, blockSize);
    this.#scheduler = new Scheduler(limits, blockSize);
    this.#maxLiveSequences = maxLiveSequences(limits);
    this.#prefixCaching = prefixCaching;
    this.#grammars = grammars;
    this.#chooser = new TokenChooser(vocabSize);
  }

  /** What the last `step` computed; absent when that was nothing. */
  get lastWork(): StepWork | undefined {
    return this.#lastWork;
  }

  /** Whether a step would do anything. */
  get hasWork(): boolean {
    return this.#live.size > 0;
  }

  /** Puts a request in line, with all its sequences or none. @throws when a live sequence has one of their ids. */
  add(request: GenerationRequest): Admission {
    const forks = forksOf(request);
    for (const { sequenceId } of [request, ...forks]) {
      if (this.#live.has(sequenceId)) throw new Error(`sequence ${sequenceId} is live already`);
    }
    const refusal = checkRequest(request, this.spec, this.#grammars !== undefined) ?? this.#compileGrammar(request);
    if (refusal !== undefined) return refusal;
    if (1 + forks.length > this.#maxLiveSequences) {
      const detail = `${1 + forks.length} choices are more than the ${this.#maxLiveSequences} sequences that can be live`;
      return { admitted: false, code: "invalid_value", detail };
    }
    const weighed = { scheduler: this.#scheduler, forks: this.#forks, numLive: this.#live.size };
    const room = findRoom(request, { ...weighed, blockSize: this.spec.blockSize });
    if (room.kind !== "room") return noRoom(room);
    const displaced = room.displaced.flatMap(({ sequence }) => this.#displace(sequence));
    const scope = this.#prefixScope(request);
    this.#scheduler.add(this.#start(request, scope, 0).sequence);
    const { length } = request.promptTokenIds;
    const numShared = length - (length % this.spec.blockSize);
    const held = forks.map((fork) => this.#start(fork, scope, numShared));
    this.#forks.hold(request.sequenceId, held);
    return { admitted: true, displaced };
  }

  /** Ends a sequence at once and frees its blocks. Absent when it ended before, or never was. */
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
    this.#lastWork = undefined;
    if (!this.hasWork) return [];
    const { scheduled, preempted, started } = this.#scheduler.schedule();
    this.#totals.preemptions += preempted.length;
    if (scheduled.length === 0) throw new Error("sequences are live but none can be scheduled");
    const shares = shareOut(scheduled, this.#live, (generation) => this.#candidatesFor(generation));
    this.#lastWork = workOf(scheduled, started);
    let logits: Float32Array;
    let chosen: ReadonlyMap<StepShare, number>;
    try {
      logits = await this.#executor.execute(shares.map(toBatchRow));
      chosen = await chooseFromCandidates(shares, this.#executor, this.#chooser);
    } catch (thrown) {
      const faulty = shares.filter((_, index) => isAtFault(thrown, index));
      return this.#living(faulty).map(({ generation }) => this.#fail(generation, thrown));
    }
    return this.#advance(shares, logits, chosen);
  }

  load(): EngineLoad {
    return {
      numRunning: this.#scheduler.numRunning,
      numWaiting: this.#live.size - this.#scheduler.numRunning,
      numQueuedTokens: this.#scheduler.numQueuedTokens,
      numFreeBlocks: this.#pool.numFree,
      numBlocks: this.#pool.numBlocks,
      totals: { ...this.#totals, ended: { ...this.#ended } },
    };
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
    this.#grammars?.close();
    await this.#executor.close();
  }

  #compileGrammar({ grammar }: GenerationRequest): Refusal | undefined {
    if (grammar === undefined) return undefined;
    try {
      this.#grammars?.compile(grammar);
      return undefined;
    } catch (thrown) {
      return { admitted: false, code: "invalid_grammar", detail: String(thrown) };
    }
  }

  /** Ends a request that waits, to make room. */
  #displace(sequence: Sequence): readonly SequenceEvent[] {
    const detail = "displaced from the full waiting queue, of which the tenant had more than its share";
    const forks = this.#forks.take(sequence.id).map((fork) => fork.sequence);
    return [sequence, ...forks].flatMap(({ id }) => {
      const generation = this.#live.get(id);
      return generation ? [this.#fail(generation, new AppError("rate_limit_exceeded", { detail }))] : [];
    });
  }

  /** @param numExpectedTokens see `Sequence`. */
  #start(request: GenerationRequest, scope: PrefixScope | undefined, numExpectedTokens: number): LiveGeneration {
    const chain = scope && new HashChain(scope, this.spec.blockSize, sha256);
    const sequence = new Sequence(request, new BlockTable(this.#pool, chain), numExpectedTokens);
    const generation = startGeneration(
      request,
      sequence,
      this.spec.embedding,
      request.grammar === undefined ? undefined : this.#grammars?.open(request.grammar),
    );
    this.#live.set(request.sequenceId, generation);
    return generation;
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
      if (share.numLogits > 0) events.push(...this.#readLogits(share, this.#rowsOf(share, logits)));
      const tokenId = chosen.get(share);
      if (tokenId !== undefined) events.push(this.#extendOrFail(share.generation, { tokenId }, []));
      if (share.generation.pooler !== undefined) events.push(...this.#embed(share, share.generation.pooler));
    }
    return events;
  }

  /** Adds the chunk's hidden states to the embedding, which is finished by the newest token's. */
  #embed({ generation, start, numTokens, reachesNewest, hiddenStates }: StepShare, pooler: Pooler): SequenceEvent[] {
    try {
      pooler.take({ start, numTokens }, hiddenStates);
      if (!reachesNewest) return [];
      this.#countPrompt(generation);
      const embedding = pooler.finish(generation.request.embedding?.numDimensions);
      return [this.#finish(generation, [], finishOf(generation.sequence, "length"), { embedding })];
    } catch (thrown) {
      return [this.#fail(generation, thrown)];
    }
  }

  /** To fill, when the executor can and the next token can be chosen from them, at least as a rule. */
  #candidatesFor({ request, sequence, grammar }: LiveGeneration): Candidates | undefined {
    const { numCandidates } = this.spec;
    const { sampling, stopping, logprobs } = request;
    const looksAtAll =
      logprobs !== undefined ||
      sampling.adjustments !== undefined ||
      grammar !== undefined ||
      bannedTokens(stopping, sequence.numOutputTokens).length > 0 ||
      this.#forks.count(sequence.id) > 0;
    return numCandidates === undefined || looksAtAll ? undefined : makeCandidates(numCandidates, sampling.temperature);
  }

  #rowsOf({ firstRow, numLogits }: StepShare, logits: Float32Array): Float32Array[] {
    const { vocabSize } = this.spec;
    return Array.from({ length: numLogits }, (_, index) => {
      const start = (firstRow + index) * vocabSize;
      return logits.subarray(start, start + vocabSize);
    });
  }

  #readLogits(share: StepShare, rows: readonly Float32Array[]): readonly SequenceEvent[] {
    const { generation, reachesNewest } = share;
    try {
      const prompt = generation.promptLogprobs?.read(share, rows, this.#logprobs) ?? [];
      const newest = reachesNewest ? rows.at(-1) : undefined;
      if (newest !== undefined) {
        // Taken first: the leader may end here, and must leave no heir.
        const forks = this.#forks.take(generation.sequence.id);
        return [this.#extendOrFail(generation, newest, prompt), ...forks.map((fork) => this.#join(fork, newest))];
      }
      const { sequenceId } = generation.request;
      return [{ kind: "tokens", sequenceId, tokenIds: [], logprobs: { tokens: [], prompt } }];
    } catch (thrown) {
      return [this.#fail(generation, thrown)];
    }
  }

  /**
   * Samples a fork's first token from the logits of the prompt that another computed. It then stands where a sequence stands
   * that was preempted after its first token, and finds the prompt's full blocks as that would find its own.
   */
  #join(fork: LiveGeneration, logits: Float32Array): SequenceEvent {
    const event = this.#extendOrFail(fork, logits, []);
    this.#scheduler.chargeOutput(fork.request.tenant);
    if (event.kind === "tokens") this.#scheduler.add(fork.sequence);
    return event;
  }

  #extendOrFail(generation: LiveGeneration, next: NextToken, prompt: readonly TokenLogprobs[]): SequenceEvent {
    try {
      return this.#extend(generation, next, prompt);
    } catch (thrown) {
      return this.#fail(generation, thrown);
    }
  }

  /** Samples the next token. @param prompt the logprobs of the prompt that this step brought. */
  #extend(generation: LiveGeneration, next: NextToken, prompt: readonly TokenLogprobs[]): SequenceEvent {
    const { request, sequence, history, grammar } = generation;
    const { sequenceId, sampling, stopping } = request;
    const { tokenIds, numOutputTokens } = sequence;
    // A fork's first token comes before anything is computed for it.
    const isFirst = numOutputTokens === 0 && sequence.numComputedTokens > 0;
    if (isFirst) this.#countPrompt(generation);
    if (stopping.maxTokens === 0) {
      return this.#finish(generation, [], finishOf(sequence, "length"), logprobsOf(request, [], prompt));
    }
    const bannedTokenIds = bannedTokens(stopping, numOutputTokens);
    const allowed = grammar?.allowedNext(stopping.stopTokenIds, bannedTokenIds.length === 0);
    if (grammar !== undefined && allowed === undefined) {
      return this.#finish(generation, [], finishOf(sequence, "stop"), logprobsOf(request, [], prompt));
    }
    const state = {
      tokenIds,
      numOutputTokens,
      history,
      bannedTokenIds: grammar === undefined ? bannedTokenIds : [],
      allowed,
    };
    const isLogits = next instanceof Float32Array;
    const tokenId = isLogits ? this.#chooser.choose(next, sampling, state) : next.tokenId;
    const { logprobs } = request;
    const own = logprobs && isLogits ? [this.#logprobs.read(next, tokenId, logprobs.numTop)] : [];
    sequence.append(tokenId);
    this.#totals.generationTokens += 1;
    const decision = decideStop(stopping, {
      sampledTokenId: tokenId,
      numOutputTokens: sequence.numOutputTokens,
      numTokens: sequence.tokenIds.length,
      maxModelLen: this.spec.maxModelLen,
    });
    if (decision.kind === "continue") grammar?.accept(tokenId);
    switch (decision.kind) {
      case "continue":
        return {
          kind: "tokens",
          sequenceId,
          tokenIds: [tokenId],
          ...(isFirst && { numCachedTokens: sequence.numCachedTokens ?? 0 }),
          ...logprobsOf(request, own, prompt),
        };
      case "length":
        return this.#finish(generation, [tokenId], finishOf(sequence, "length"), logprobsOf(request, own, prompt));
      case "stop": {
        const finish = { ...finishOf(sequence, "stop"), stopTokenId: decision.stopTokenId };
        return this.#finish(generation, [], finish, logprobsOf(request, [], prompt));
      }
    }
  }

  #countPrompt({ request, sequence }: LiveGeneration): void {
    this.#totals.promptTokens += sequence.numPromptTokens;
    if (!this.#usesPrefixCache(request)) return;
    this.#totals.prefixCacheQueries += sequence.numPromptTokens;
    this.#totals.prefixCacheHits += sequence.numCachedTokens ?? 0;
  }

  /**
   * Whether the prefix cache is asked for the request's prompt, and told of its blocks. Logprobs of the prompt need the
   * logits of every position, and a mean needs every hidden state, which the cache does not keep. Their blocks are not published either: who scores prompts
   * sends many that are each read once, and the next of them would not look; naming theirs would only push out what others
   * come back to.
   */
  #usesPrefixCache({ logprobs, embedding }: GenerationRequest): boolean {
    const isMean = embedding !== undefined && this.spec.embedding?.pooling === "mean";
    return this.#prefixCaching && logprobs?.prompt !== true && !isMean;
  }

  /** Absent: the request's blocks are shared with nobody's. Forks share those of their prompt even where no cache is used. */
  #prefixScope(request: GenerationRequest): PrefixScope | undefined {
    const { cacheSalt, sequenceId, forkIds = [] } = request;
    if (this.#usesPrefixCache(request)) return { cacheSalt };
    return forkIds.length > 0 ? { cacheSalt, family: sequenceId } : undefined;
  }

  #finish(
    generation: LiveGeneration,
    tokenIds: readonly number[],
    finish: Finish,
    reported: { readonly logprobs?: Logprobs; readonly embedding?: Float32Array } = {},
  ): SequenceEvent {
    this.#ended[finish.reason] += 1;
    return { kind: "finished", sequenceId: this.#forget(generation), tokenIds, finish, ...reported };
  }

  #fail(generation: LiveGeneration, thrown: unknown): SequenceEvent {
    this.#ended.error += 1;
    const { code, message } = AppError.from(thrown);
    return { kind: "failed", sequenceId: this.#forget(generation), code, detail: message };
  }

  #forget({ sequence, grammar }: LiveGeneration): SequenceId {
    grammar?.close();
    this.#live.delete(sequence.id);
    this.#scheduler.remove(sequence);
    const heir = this.#forks.leave(sequence.id);
    if (heir !== undefined) this.#scheduler.add(heir.sequence);
    return sequence.id;
  }

  /** Without the requests aborted while the step ran. */
  #living(shares: readonly StepShare[]): StepShare[] {
    return shares.filter(({ generation }) => this.#live.get(generation.sequence.id) === generation);
  }
}

/** The logits that the next token is to be chosen from, or the token itself. */
type NextToken = Float32Array | { readonly tokenId: number };

/** The event's part that tells logprobs; empty when none were asked for. */
function logprobsOf(
  request: GenerationRequest,
  tokens: readonly TokenLogprobs[],
  prompt: readonly TokenLogprobs[],
): { readonly logprobs?: Logprobs } {
  return request.logprobs === undefined ? {} : { logprobs: { tokens, prompt } };
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
