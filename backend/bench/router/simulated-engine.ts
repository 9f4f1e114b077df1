import type { WatchResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { CacheFeed } from "#engine/cache-mirror.ts";
import { EngineClient } from "#engine/engine-client.ts";
import type { EnginePort } from "#engine/engine-port.ts";
import type { EngineCommand, EngineReport } from "#engine/engine-protocol.ts";
import { Engine } from "#engine/engine.ts";
import type { Executor } from "#engine/executor/executor.ts";
import type { SequenceEvent } from "#engine/generation.ts";
import type { SchedulerLimits } from "#engine/scheduler/scheduler-limits.ts";
import { LiveCalls } from "#rpc/live-calls.ts";
import { RetryHints } from "#rpc/retry-hints.ts";
import { StepCosts } from "#rpc/step-costs.ts";
import { composeReport } from "#rpc/watch.ts";
import { costMs, type StepCost } from "./step-cost.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** As Watch does by default. */
const minIntervalMs = 50;
const heartbeatMs = 1_000;
const networkMs = 0.5;

/**
 * An engine in virtual time: the real engine, client, journal, mirror, measured costs and reports; only the loop is another,
 * in which a step takes as long as `cost` says, and the wires, which are calls.
 */
export class SimulatedEngine {
  readonly client: EngineClient;
  readonly engine: Engine;
  readonly #time: VirtualTime;
  readonly #cost: StepCost;
  readonly #reportParts;
  #inbox: EngineCommand[] = [];
  #tell: (report: EngineReport) => void = () => {};
  #isBusy = false;
  #isDead = false;
  #silentUntilMs = 0;

  constructor(executor: Executor, limits: SchedulerLimits, cost: StepCost, time: VirtualTime) {
    this.engine = new Engine(executor, limits);
    this.#time = time;
    this.#cost = cost;
    const port: EnginePort<EngineCommand, EngineReport> = {
      send: (command) => {
        this.#inbox.push(command);
        time.after(0, () => this.#run());
      },
      onMessage: (listener) => {
        this.#tell = listener;
      },
    };
    this.client = new EngineClient(port, limits.maxNumSeqs + limits.maxQueuedRequests);
    this.#reportParts = {
      calls: new LiveCalls(),
      stepCosts: new StepCosts(this.client),
      retryHints: new RetryHints(this.client, time),
    };
    this.#tell({ kind: "ready", spec: this.engine.spec, load: this.engine.load() });
  }

  /** Ends all calls with an error, and never says or does anything again. */
  kill(): void {
    this.#isDead = true;
    this.client.fail("killed");
  }

  /** Reports to nobody until then, and goes on with everything else: a Watch that hangs. */
  silence(untilMs: number): void {
    this.#silentUntilMs = untilMs;
  }

  /** Reports as an engine's Watch does. */
  watch(listener: (report: WatchResponse) => void): void {
    const feed = this.client.cache.open();
    let isPlanned = false;
    let lastMs = -Infinity;
    const plan = (): void => {
      if (isPlanned || this.#isDead) return;
      isPlanned = true;
      const dueMs = Math.max(this.#silentUntilMs, lastMs + minIntervalMs);
      this.#time.after(Math.max(0, dueMs - this.#time.nowMs()), () => {
        isPlanned = false;
        lastMs = this.#time.nowMs();
        if (!this.#report(feed, listener)) plan();
      });
    };
    const beat = (): void => {
      if (this.#isDead) return;
      plan();
      this.#time.after(heartbeatMs, beat);
    };
    beat();
    this.client.onChange(plan);
  }

  /** False when there is more to say. */
  #report(feed: CacheFeed, listener: (report: WatchResponse) => void): boolean {
    const { load } = this.client.model ?? {};
    if (load === undefined || this.#isDead) return true;
    const { message, isWhole } = composeReport(load, feed, this.#reportParts);
    this.#time.after(networkMs, () => {
      if (!this.#isDead) listener(message);
    });
    return isWhole;
  }

  /** What was sent is taken in between two steps, as in the real loop. */
  async #run(): Promise<void> {
    if (this.#isBusy || this.#isDead) return;
    const events = this.#takeIn();
    events.push(...(await this.engine.step()));
    const { lastWork } = this.engine;
    const durationMs = lastWork === undefined ? 0 : costMs(this.#cost, lastWork);
    const load = this.engine.load();
    const cacheChanges = this.engine.takeCacheChanges();
    this.#isBusy = true;
    this.#time.after(durationMs, async () => {
      this.#isBusy = false;
      if (this.#isDead) return;
      this.#tell({ kind: "step", events, load, step: lastWork && { ...lastWork, durationMs }, cacheChanges });
      if (this.engine.hasWork || this.#inbox.length > 0) await this.#run();
    });
  }

  #takeIn(): SequenceEvent[] {
    const events: SequenceEvent[] = [];
    for (const command of this.#inbox) {
      if (command.kind === "followCache") this.engine.followCache(command.wanted);
      if (command.kind !== "add") continue;
      const { sequenceId } = command.request;
      const admission = this.engine.add(command.request);
      if (admission.admitted) events.push(...admission.displaced);
      else events.push({ kind: "failed", sequenceId, code: admission.code, detail: admission.detail });
    }
    this.#inbox = [];
    return events;
  }
}
