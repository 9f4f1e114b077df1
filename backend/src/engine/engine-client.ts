import { CacheMirror } from "./cache-mirror.ts";
import type { EnginePort } from "./engine-port.ts";
import type { EngineCommand, EngineReport, TimedStep } from "./engine-protocol.ts";
import type { CompiledGrammar, GrammarId } from "./grammar/compiled-grammar.ts";
import type { ExecutorSpec } from "./executor/executor.ts";
import type { EngineLoad, GenerationRequest, Refusal, SequenceEvent } from "./generation.ts";
import { LiveTenants } from "./live-tenants.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";

/** A request taken: its events will come, unless `abort` is called first. */
export type Submission =
  | {
      readonly admitted: true;
      /** After it no event comes of these choices, by default all. */
      readonly abort: (indexes?: readonly number[]) => void;
    }
  | Refusal;

/** An engine that has loaded its model. */
export interface LoadedModel {
  readonly spec: ExecutorSpec;
  /** As of its last report. */
  readonly load: EngineLoad;
}

/** The other side of an `EngineLoop`'s port: hands each sequence's events to whoever submitted it. */
export class EngineClient {
  /** What the engine's prefix cache can find; it is told only while somebody asks. */
  readonly cache: CacheMirror;
  readonly #port: EnginePort<EngineCommand, EngineReport>;
  readonly #maxLiveSequences: number;
  readonly #listeners = new Map<SequenceId, (event: SequenceEvent) => void>();
  // sequence -> told once, when it starts, how long ago that was
  readonly #startListeners = new Map<SequenceId, (agoMs: number) => void>();
  readonly #tenants = new LiveTenants();
  readonly #stepListeners = new Set<(step: TimedStep) => void>();
  readonly #changeListeners = new Set<() => void>();
  #model: LoadedModel | undefined;
  #numSubmitted = 0;
  #numTurnedAway = 0;

  /**
   * @param maxLiveSequences what the engine can run and queue together. Beyond it a request is refused here, unless its tenant
   *   has less than its share and may displace others, or its own of lower priority: while a step runs the engine cannot answer, and
   *   the port's own queue has no bound. At most twice as many are ever live here.
   */
  constructor(port: EnginePort<EngineCommand, EngineReport>, maxLiveSequences: number) {
    this.#port = port;
    this.#maxLiveSequences = maxLiveSequences;
    this.cache = new CacheMirror((wanted) => port.send({ kind: "followCache", wanted }));
    port.onMessage((report) => this.#receive(report));
  }

  /** Requests refused here, without asking the engine, because as many sequences were live as there may be. */
  get numTurnedAway(): number {
    return this.#numTurnedAway;
  }

  /** Absent while the model loads, and after the engine failed. */
  get model(): LoadedModel | undefined {
    return this.#model;
  }

  /**
   * The listener is called once for every event of each of the `n` choices, those of one choice in order, never during this
   * call; not after the choice's `finished` or `failed`.
   *
   * @param onStart called before the first event, with the time since the step began in which the first choice started; never
   *   for one that ended without having started.
   */
  submit(
    request: Omit<GenerationRequest, "sequenceId" | "forkIds">,
    listener: (event: SequenceEvent, index: number) => void,
    { n = 1, onStart }: { readonly n?: number; readonly onStart?: (agoMs: number) => void } = {},
  ): Submission {
    const refusal = this.#refuse(request, n);
    if (refusal !== undefined) return refusal;
    const ids = Array.from({ length: n }, () => {
      this.#numSubmitted += 1;
      return this.#numSubmitted as SequenceId;
    });
    for (const [index, id] of ids.entries()) {
      this.#listeners.set(id, (event) => listener(event, index));
      this.#tenants.add(id, request);
    }
    const [sequenceId, ...forkIds] = ids;
    if (sequenceId === undefined) throw new RangeError("a request has at least one choice");
    if (onStart !== undefined) this.#startListeners.set(sequenceId, onStart);
    this.#port.send({ kind: "add", request: { ...request, sequenceId, ...(n > 1 && { forkIds }) } });
    const abort = (indexes: readonly number[] = ids.keys().toArray()): void => {
      for (const index of indexes) {
        const id = ids[index];
        if (id !== undefined && this.#forget(id)) this.#port.send({ kind: "abort", sequenceId: id });
      }
    };
    return { admitted: true, abort };
  }

  /** Requests may name the grammar from now on, whose bytes are handed over. */
  installGrammar(id: GrammarId, compiled: CompiledGrammar): void {
    this.#port.send({ kind: "installGrammar", id, compiled }, [compiled.bytes.buffer]);
  }

  /** The requests that named the grammar have ended, or were aborted; no other will. */
  dropGrammar(id: GrammarId): void {
    this.#port.send({ kind: "dropGrammar", id });
  }

  /** Called after every step, before its events are delivered. */
  onStep(listener: (step: TimedStep) => void): void {
    this.#stepListeners.add(listener);
  }

  /** Called whenever `model` may have changed. Returns the way to stop that. */
  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /** Ends every live request with `unavailable`: the engine is gone and will not answer. */
  fail(detail: string): void {
    this.#model = undefined;
    for (const sequenceId of this.#listeners.keys()) {
      this.#deliver({ kind: "failed", sequenceId, code: "unavailable", detail });
    }
    this.#notify();
  }

  close(): void {
    this.#port.send({ kind: "close" });
  }

  /** Absent: the engine is to decide, which also refuses what it can never hold. */
  #refuse(request: Pick<GenerationRequest, "tenant" | "priority">, n: number): Refusal | undefined {
    const capacity = this.#maxLiveSequences;
    const numLive = this.#listeners.size + n;
    if (n > capacity || numLive <= capacity) return undefined;
    if (numLive <= 2 * capacity && !this.#tenants.wouldExceedShare(request, n, capacity)) return undefined;
    this.#numTurnedAway += 1;
    if (this.#tenants.isAlone(request.tenant)) {
      return {
        admitted: false,
        code: "server_is_overloaded",
        detail: "as many sequences as the engine can hold are live",
      };
    }
    const detail = "the engine is full, and the tenant has its share of it";
    return { admitted: false, code: "rate_limit_exceeded", detail };
  }

  #receive(report: EngineReport): void {
    switch (report.kind) {
      case "ready":
        this.#model = { spec: report.spec, load: report.load };
        break;
      case "step":
        if (this.#model !== undefined) this.#model = { ...this.#model, load: report.load };
        if (report.cacheChanges !== undefined) this.cache.apply(report.cacheChanges);
        if (report.step !== undefined) this.#noteStep(report.step);
        for (const event of report.events) this.#deliver(event);
        break;
    }
    this.#notify();
  }

  #deliver(event: SequenceEvent): void {
    const listener = this.#listeners.get(event.sequenceId);
    if (event.kind !== "tokens") this.#forget(event.sequenceId);
    listener?.(event);
  }

  #noteStep(step: TimedStep): void {
    for (const id of step.startedIds) {
      this.#startListeners.get(id)?.(step.durationMs);
      this.#startListeners.delete(id);
    }
    for (const listener of this.#stepListeners) listener(step);
  }

  /** False when it was forgotten before. */
  #forget(sequenceId: SequenceId): boolean {
    this.#startListeners.delete(sequenceId);
    this.#tenants.remove(sequenceId);
    return this.#listeners.delete(sequenceId);
  }

  #notify(): void {
    for (const listener of this.#changeListeners) listener();
  }
}
