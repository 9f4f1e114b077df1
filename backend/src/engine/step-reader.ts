import type { Pooler } from "./embedding/pooler.ts";
import type { EngineCounter } from "./engine-counter.ts";
import type { SequenceEvent } from "./generation.ts";
import type { Generations } from "./generations.ts";
import { joinEvents } from "./join-events.ts";
import { finishOf, type LiveGeneration } from "./live-generation.ts";
import type { PrefixSharing } from "./prefix-sharing.ts";
import type { LogprobReader, TokenLogprobs } from "./sampling/logprobs.ts";
import type { Scheduler } from "./scheduler/scheduler.ts";
import { rowsOf, type StepShare } from "./step-share.ts";
import type { NextToken, TokenAppender } from "./token-appender.ts";

interface StepReaderParts {
  readonly generations: Generations;
  readonly scheduler: Scheduler;
  readonly prefixes: PrefixSharing;
  readonly counter: EngineCounter;
  readonly appender: TokenAppender;
  readonly logprobs: LogprobReader;
  readonly vocabSize: number;
}

/** What a step that was computed makes of its sequences: they get tokens, logprobs or an embedding, and go on or end. */
export class StepReader {
  readonly #generations: Generations;
  readonly #scheduler: Scheduler;
  readonly #prefixes: PrefixSharing;
  readonly #counter: EngineCounter;
  readonly #appender: TokenAppender;
  readonly #logprobs: LogprobReader;
  readonly #vocabSize: number;

  constructor(parts: StepReaderParts) {
    this.#generations = parts.generations;
    this.#scheduler = parts.scheduler;
    this.#prefixes = parts.prefixes;
    this.#counter = parts.counter;
    this.#appender = parts.appender;
    this.#logprobs = parts.logprobs;
    this.#vocabSize = parts.vocabSize;
  }

  /**
   * Counts what was computed, and reads the logits that were wanted.
   *
   * @param shares of generations that live, each once.
   * @param logits the step's, `[numRows, vocabSize]`.
   * @param chosen the next tokens of shares that took candidates instead.
   */
  read(
    shares: readonly StepShare[],
    logits: Float32Array,
    chosen: ReadonlyMap<StepShare, number>,
  ): readonly SequenceEvent[] {
    const events: SequenceEvent[] = [];
    for (const share of shares) {
      share.generation.sequence.advance(share.numTokens);
      if (share.draftTokenIds.length > 0) events.push(...this.#verify(share, logits));
      else if (share.numLogits > 0) events.push(...this.#readLogits(share, rowsOf(share, logits, this.#vocabSize)));
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
    for (const [index, row] of rowsOf(share, logits, this.#vocabSize).entries()) {
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
}
