// Continuous batching (Orca, OSDI 2022) over a paged KV cache (vLLM, SOSP 2023), with chunked prefill (Sarathi-Serve,
// OSDI 2024). Every step is decided anew: running sequences that only need their newest token come first, then running
// prompts, then waiting ones in their order (waiting-queue.ts), until the step's token budget is spent. So a long prompt is computed in the room that
// decodes leave, and delays nobody by more than one budget's worth of work.
//
// Blocks: a sequence starts only when there are blocks for every token it knows; those that the prefix cache holds are
// shared, and need not be computed. From then on only decodes ask for more, one block each time they cross a block's end.
// When none is free, the last in running order is preempted: it gives back its blocks, keeps its tokens, and waits to be
// computed again, except for what the cache still has by then. Running order is priority, then first start, and a sequence
// keeps its place when it is preempted: who waited for a fair share is not preempted for those who are served after it.
//
// Why it always gets on: the first in running order is never preempted for another, and alone it fits the pool (the
// engine admits nothing longer). So some sequence advances in every step.
import { type Displaceable, type Holding, type QueueRoom, type RoomAnswer, shareQueue } from "./queue-shares.ts";
import { maxLiveSequences, type SchedulerLimits } from "./scheduler-limits.ts";
import { SequenceQueue } from "./sequence-queue.ts";
import { compareStarts, type Sequence } from "./sequence.ts";
import { type Draft, type ScheduledSequence, StepPlan } from "./step-plan.ts";
import { WaitingQueue } from "./waiting-queue.ts";

export interface SchedulerOutput {
  /** At most one entry a sequence; empty only when nothing runs or waits. */
  readonly scheduled: readonly ScheduledSequence[];
  readonly preempted: readonly Sequence[];
  /** Those that started for the first time; a sequence that was preempted starts again, but waited only once. */
  readonly started: readonly Sequence[];
}

/** A sequence that waits, with those that stand and fall with it. */
export interface WaitingRequest extends Displaceable {
  readonly sequence: Sequence;
}

/**
 * Decides which tokens run in the next step.
 *
 * Invariants:
 * 1. A sequence is either waiting, without blocks, or running, with blocks for every token it knew when it started.
 * 2. No step has more than maxNumBatchedTokens tokens, and never more than maxNumSeqs sequences run.
 * 3. Every running decode is in every step, and so is a chunk of the first running prompt.
 */
export class Scheduler {
  readonly #limits: SchedulerLimits;
  readonly #blockSize: number;
  readonly #waiting = new WaitingQueue();
  readonly #running = new SequenceQueue(compareStarts);
  #numStarts = 0;

  /** @throws when a step could not hold every decode and a block of a prompt. */
  constructor(limits: SchedulerLimits, blockSize: number) {
    const least = leastBatchedTokens(limits.maxNumSeqs, blockSize);
    if (limits.maxNumBatchedTokens < least) throw new RangeError(`maxNumBatchedTokens must be at least ${least}`);
    this.#limits = limits;
    this.#blockSize = blockSize;
  }

  get numRunning(): number {
    return this.#running.size;
  }

  get numWaiting(): number {
    return this.#waiting.size;
  }

  /** Tokens to compute before everybody decodes, running and waiting. */
  get numQueuedTokens(): number {
    return countQueued(this.#running) + countQueued(this.#waiting);
  }

  /**
   * Whether the waiting queue has room for a request, and at whose expense (queue-shares.ts); the sequences that were preempted
   * into it count, and may stay. Nothing is changed: who is displaced is to be removed.
   *
   * @param numHeld sequences that will wait, but are not here yet.
   * @param weigh what a waiting sequence takes of the queue, with those that stand and fall with it.
   */
  findRoom(
    asked: Displaceable & { readonly tenant: string },
    numHeld = 0,
    weigh: (sequence: Sequence) => QueueRoom = weighAlone,
  ): RoomAnswer<WaitingRequest> {
    const numFree = maxLiveSequences(this.#limits) - this.#running.size - this.#waiting.size - numHeld;
    const { maxQueuedTokens } = this.#limits;
    const numFreeTokens = this.#waiting.size === 0 ? Infinity : maxQueuedTokens - countQueued(this.#waiting);
    if (asked.numSequences <= numFree && asked.numTokens <= numFreeTokens) return { kind: "room", displaced: [] };
    const holdings = [...this.#waiting.byTenant()].map(([tenant, sequences]) => holdingOf(tenant, sequences, weigh));
    const free = { numSequences: numFree, numTokens: numFreeTokens };
    const bounds = { numSequences: maxLiveSequences(this.#limits) - this.#running.size, numTokens: maxQueuedTokens };
    return shareQueue(asked, holdings, free, bounds);
  }

  /** Charges the tenant for a token that is sampled for it in no step of its own. */
  chargeOutput(tenant: string): void {
    this.#waiting.chargeOutput(tenant);
  }

  /** Takes the sequence whether there is room or not: ask `findRoom` first. */
  add(sequence: Sequence): void {
    this.#waiting.insert(sequence);
  }

  /** Forgets the sequence and frees its blocks, wherever it is. */
  remove(sequence: Sequence): void {
    if (!this.#running.remove(sequence)) this.#waiting.remove(sequence);
    sequence.releaseBlocks();
  }

  /**
   * Moves sequences between waiting and running; the caller computes what is scheduled, then advances the sequences.
   *
   * @param draft asked for each sequence that may have tokens guessed ahead. Absent: none has.
   */
  schedule(draft?: Draft): SchedulerOutput {
    const preempted = this.#growDecodes();
    const plan = new StepPlan(this.#limits.maxNumBatchedTokens, this.#blockSize);
    for (const sequence of this.#running) if (sequence.isDecoding) plan.take(sequence);
    for (const sequence of this.#running) if (!sequence.isDecoding) plan.take(sequence);
    // Who was just preempted would be the first to start again, and the first to be preempted again.
    const started = preempted.length === 0 ? this.#startWaiting(plan) : [];
    for (const { sequence, reachesNewest } of plan.scheduled) {
      if (reachesNewest) this.#waiting.chargeOutput(sequence.tenant);
    }
    if (draft !== undefined) plan.addDrafts(draft);
    return { scheduled: plan.scheduled, preempted, started };
  }

  /** Gives every running decode the block its newest token needs, in running order; preempts from the end. */
  #growDecodes(): readonly Sequence[] {
    const preempted: Sequence[] = [];
    for (const sequence of this.#running.snapshot()) {
      while (this.#running.has(sequence) && !sequence.blocks.growTo(sequence.tokenIds.length)) {
        preempted.push(this.#preemptLast());
      }
    }
    return preempted;
  }

  #preemptLast(): Sequence {
    const last = this.#running.last;
    if (last === undefined) throw new Error("nothing runs, yet no block is free");
    this.#running.remove(last);
    last.releaseBlocks();
    this.#waiting.insert(last);
    return last;
  }

  /** Starts sequences in their order until one does not fit: nobody overtakes it. Returns those that never ran before. */
  #startWaiting(plan: StepPlan): readonly Sequence[] {
    const started: Sequence[] = [];
    while (this.#running.size < this.#limits.maxNumSeqs) {
      const first = this.#waiting.first;
      if (first === undefined || plan.roomFor(progressAtStart(first)) === 0) return started;
      const isRestart = first.numCachedTokens !== undefined;
      if (!first.start(this.#numStarts)) return started;
      this.#numStarts += 1;
      // That it is computed again was the engine's choice: no turn of the tenant's, and no cost.
      if (isRestart) {
        this.#waiting.remove(first);
      } else {
        this.#waiting.start(first, first.numUncomputedTokens);
        started.push(first);
      }
      this.#running.insert(first);
      plan.take(first);
    }
    return started;
  }
}

/** What a step must hold so that every running sequence can decode while one more computes a block of its prompt. */
export function leastBatchedTokens(maxNumSeqs: number, blockSize: number): number {
  return maxNumSeqs - 1 + blockSize;
}

/** How far a waiting sequence would be if it started now. */
function progressAtStart({ blocks, tokenIds, isScoring }: Sequence) {
  const numComputedTokens = blocks.countCached(tokenIds);
  return { numComputedTokens, numUncomputedTokens: tokenIds.length - numComputedTokens, isScoring };
}

function weighAlone({ numQueuedTokens }: Sequence): QueueRoom {
  return { numSequences: 1, numTokens: numQueuedTokens };
}

function holdingOf(
  tenant: string,
  sequences: Iterable<Sequence>,
  weigh: (sequence: Sequence) => QueueRoom,
): Holding<WaitingRequest> {
  const requests = [...sequences].map((sequence) => ({ sequence, priority: sequence.priority, ...weigh(sequence) }));
  const sum = (measure: keyof QueueRoom): number => requests.reduce((total, request) => total + request[measure], 0);
  const displaceable = requests.filter(({ sequence }) => !sequence.hasBegun);
  return {
    tenant,
    numRequests: requests.length,
    numSequences: sum("numSequences"),
    numTokens: sum("numTokens"),
    displaceable,
  };
}

function countQueued(sequences: Iterable<Sequence>): number {
  let numTokens = 0;
  for (const sequence of sequences) numTokens += sequence.numQueuedTokens;
  return numTokens;
}
