import { setImmediate } from "node:timers/promises";
import type { EnginePort } from "./engine-port.ts";
import type { EngineCommand, EngineReport } from "./engine-protocol.ts";
import type { Engine } from "./engine.ts";
import type { SequenceEvent } from "./generation.ts";

/**
 * Runs an engine behind a port: takes commands between steps, steps while there is work, reports once a step, and
 * sleeps without using the processor when there is none.
 */
export class EngineLoop {
  readonly #engine: Engine;
  readonly #port: EnginePort<EngineReport, EngineCommand>;
  #events: SequenceEvent[] = [];
  #closing = false;
  #wake = (): void => {};

  constructor(engine: Engine, port: EnginePort<EngineReport, EngineCommand>) {
    this.#engine = engine;
    this.#port = port;
  }

  /** Settles after `close` was received and the executor is freed. Rejects when the engine is broken. */
  async run(): Promise<void> {
    this.#port.onMessage((command) => this.#receive(command));
    this.#port.send({ kind: "ready", spec: this.#engine.spec, load: this.#engine.load() });
    while (!this.#closing) {
      if (!this.#engine.hasWork && this.#events.length === 0) await this.#untilWoken();
      // Lets the event loop deliver every command that has arrived, so that those that came together start together.
      await setImmediate();
      this.#events.push(...(await this.#engine.step()));
      this.#report();
    }
    await this.#engine.close();
  }

  #receive(command: EngineCommand): void {
    switch (command.kind) {
      case "add": {
        const { sequenceId } = command.request;
        const admission = this.#engine.add(command.request);
        if (!admission.admitted) {
          this.#events.push({ kind: "failed", sequenceId, code: admission.code, detail: admission.detail });
        }
        break;
      }
      case "abort": {
        const event = this.#engine.abort(command.sequenceId);
        if (event !== undefined) this.#events.push(event);
        break;
      }
      case "close":
        this.#closing = true;
        break;
    }
    this.#wake();
  }

  #report(): void {
    const events = this.#events;
    this.#events = [];
    this.#port.send({ kind: "step", events, load: this.#engine.load() });
  }

  #untilWoken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
