import type { EnginePort } from "./engine-port.ts";
import type { EngineCommand, EngineReport } from "./engine-protocol.ts";
import type { ExecutorSpec } from "./executor/executor.ts";
import type { EngineLoad, GenerationRequest, Refusal, SequenceEvent } from "./generation.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";

/** A request taken: its events will come, unless `abort` is called first, after which none does. */
export type Submission = { readonly admitted: true; readonly abort: () => void } | Refusal;

/** An engine that has loaded its model. */
export interface LoadedModel {
  readonly spec: ExecutorSpec;
  /** As of its last report. */
  readonly load: EngineLoad;
}

/** The other side of an `EngineLoop`'s port: hands each sequence's events to whoever submitted it. */
export class EngineClient {
  readonly #port: EnginePort<EngineCommand, EngineReport>;
  readonly #maxLiveRequests: number;
  readonly #listeners = new Map<SequenceId, (event: SequenceEvent) => void>();
  readonly #changeListeners = new Set<() => void>();
  #model: LoadedModel | undefined;
  #numSubmitted = 0;

  /**
   * @param maxLiveRequests what the engine can run and queue together. Beyond it a request is refused here: while a step
   *   runs the engine cannot answer, and the port's own queue has no bound.
   */
  constructor(port: EnginePort<EngineCommand, EngineReport>, maxLiveRequests: number) {
    this.#port = port;
    this.#maxLiveRequests = maxLiveRequests;
    port.onMessage((report) => this.#receive(report));
  }

  /** Absent while the model loads, and after the engine failed. */
  get model(): LoadedModel | undefined {
    return this.#model;
  }

  /** The listener is called once for every event, in order, never during this call; not after `finished` or `failed`. */
  submit(request: Omit<GenerationRequest, "sequenceId">, listener: (event: SequenceEvent) => void): Submission {
    if (this.#listeners.size >= this.#maxLiveRequests) {
      return { admitted: false, code: "overloaded", detail: "as many requests as the engine can hold are live" };
    }
    this.#numSubmitted += 1;
    const sequenceId = this.#numSubmitted as SequenceId;
    this.#listeners.set(sequenceId, listener);
    this.#port.send({ kind: "add", request: { ...request, sequenceId } });
    const abort = (): void => {
      if (this.#listeners.delete(sequenceId)) this.#port.send({ kind: "abort", sequenceId });
    };
    return { admitted: true, abort };
  }

  /** Called whenever `model` may have changed. Returns the way to stop that. */
  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /** Ends every live request with `unavailable`: the engine is gone and will not answer. */
  fail(detail: string): void {
    this.#model = undefined;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const [sequenceId, listener] of listeners)
      listener({ kind: "failed", sequenceId, code: "unavailable", detail });
    this.#notify();
  }

  close(): void {
    this.#port.send({ kind: "close" });
  }

  #receive(report: EngineReport): void {
    switch (report.kind) {
      case "ready":
        this.#model = { spec: report.spec, load: report.load };
        break;
      case "step":
        if (this.#model !== undefined) this.#model = { ...this.#model, load: report.load };
        for (const event of report.events) this.#deliver(event);
        break;
    }
    this.#notify();
  }

  #deliver(event: SequenceEvent): void {
    const listener = this.#listeners.get(event.sequenceId);
    if (event.kind !== "tokens") this.#listeners.delete(event.sequenceId);
    listener?.(event);
  }

  #notify(): void {
    for (const listener of this.#changeListeners) listener();
  }
}
