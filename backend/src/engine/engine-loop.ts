import { setImmediate } from "node:timers/promises";
import type { Clock } from "#platform/clock.ts";
import type { EnginePort } from "./engine-port.ts";
import type { EngineCommand, EngineReport, TimedStep } from "./engine-protocol.ts";
import type { Engine } from "./engine.ts";
import type { SequenceEvent } from "./generation.ts";

/**
 * Runs an engine behind a port: takes commands between steps, steps while there is work, reports once a step, and
 * sleeps without using the processor when there is none.
 */
export class EngineLoop {
  readonly #engine: Engine;
  readonly #port: EnginePort<EngineReport, EngineCommand>;
  readonly #clock: Clock;
  #events: SequenceEvent[] = [];
  #closing = false;
  #wake = (): void => {};

  constructor(engine: Engine, port: EnginePort<EngineReport, EngineCommand>, clock: Clock) {
    this.#engine = engine;
    this.#port = port;
    this.#clock = clock;
  }

  /** Settles after `close` was received and the executor is freed. Rejects when the engine is broken. */
  async run(): Promise<void> {
    this.#port.onMessage((command) => this.#receive(command));
    this.#port.send({ kind: "ready", spec: this.#engine.spec, load: this.#engine.load() });
    while (!this.#closing) {
      if (!this.#engine.hasWork && this.#events.length === 0) await this.#untilWoken();
      // Lets the event loop deliver every command that has arrived, so that those that came together start together.
      await setImmediate();
      const startedMs = this.#clock.monotonicMs();
      this.#events.push(...(await this.#engine.step()));
      this.#report(this.#clock.monotonicMs() - startedMs);
    }
    await this.#engine.close();
  }

  #receive(command: EngineCommand): void {
    switch (command.kind) {
      case "add": {
        const { sequenceId, forkIds = [] } = command.request;
        const admission = this.#engine.add(command.request);
        if (admission.admitted) {
          this.#events.push(...admission.displaced);
          break;
        }
        const { code, detail } = admission;
        for (const id of [sequenceId, ...forkIds]) {
          this.#events.push({ kind: "failed", sequenceId: id, code, detail });
        }
        break;
      }
      case "abort": {
        const event = this.#engine.abort(command.sequenceId);
        if (event !== undefined) this.#events.push(event);
        break;
      }
      case "installGrammar":
        this.#engine.installGrammar(command.id, command.compiled);
        break;
      case "dropGrammar":
        this.#engine.dropGrammar(command.id);
        break;
      case "followCache":
        this.#engine.followCache(command.wanted);
        break;
      case "close":
        this.#closing = true;
        break;
    }
    this.#wake();
  }

  #report(durationMs: number): void {
    const events = this.#events;
    this.#events = [];
    const { lastWork } = this.#engine;
    const step: TimedStep | undefined = lastWork && { ...lastWork, durationMs };
    const cacheChanges = this.#engine.takeCacheChanges();
    this.#port.send({ kind: "step", events, load: this.#engine.load(), step, cacheChanges });
  }

  #untilWoken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
