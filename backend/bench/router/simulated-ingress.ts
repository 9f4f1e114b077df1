import type { SequenceEvent } from "#engine/generation.ts";
import { uniformAt } from "#engine/sampling/philox.ts";
import type { SchedulerLimits } from "#engine/scheduler/scheduler-limits.ts";
import { EngineSignals } from "#ingress/engines/engine-signals.ts";
import { PromptBlocks } from "#ingress/engines/prompt-blocks.ts";
import type { Outcome } from "./outcome.ts";
import type { Policy } from "./policies.ts";
import type { SimulatedEngine } from "./simulated-engine.ts";
import type { Arrival } from "./traffic.ts";
import type { VirtualTime } from "./virtual-time.ts";

const maxKnownBlocks = 131_072;

/** An engine and what this ingress knows of it. */
interface Followed {
  readonly signals: EngineSignals;
  engine: SimulatedEngine;
}

/** The real signals and the policy, over engines that are asked by calls. */
export class SimulatedIngress {
  readonly #policy: Policy;
  readonly #limits: SchedulerLimits;
  readonly #followed: readonly Followed[];
  readonly #time: VirtualTime;
  readonly #random: () => number;

  /** @param limits the engines'. */
  constructor(
    policy: Policy,
    limits: SchedulerLimits,
    engines: readonly SimulatedEngine[],
    time: VirtualTime,
    seed: number,
  ) {
    this.#policy = policy;
    this.#limits = limits;
    this.#time = time;
    let numDrawn = 0;
    this.#random = () => uniformAt(seed, numDrawn++);
    this.#followed = engines.map((engine, index) => {
      return { engine, signals: new EngineSignals(`engine ${index}`, maxKnownBlocks) };
    });
    for (const [index, engine] of engines.entries()) this.find(index, engine);
  }

  /** The engine is there, again or for the first time. */
  find(index: number, engine: SimulatedEngine): void {
    const followed = this.#followed[index];
    if (followed === undefined) return;
    followed.engine = engine;
    const { signals } = followed;
    const { maxModelLen, vocabSize, blockSize, numBlocks } = engine.engine.spec;
    const { maxNumBatchedTokens, maxNumSeqs } = this.#limits;
    const sizes = { maxModelLen, vocabSize, blockSize, numBlocks, maxNumBatchedTokens, maxNumSeqs, embeddingSize: 0 };
    signals.introduce({ modelId: "simulated", engineId: String(index), prefixCaching: true, ...sizes });
    signals.beginWatch();
    engine.watch((report) => {
      if (!signals.noteReport(report, this.#time.monotonicMs())) throw new Error("cache events were missed");
    });
  }

  /** The engine is gone. */
  lose(index: number): void {
    this.#followed[index]?.signals.lose();
  }

  /** An engine that refuses, or is lost before the first token, passes the request on; each is asked at most once. */
  serve(arrival: Arrival, outcome: Outcome, asked: ReadonlySet<number> = new Set()): void {
    const { promptTokenIds, tenant, maxTokens } = arrival;
    const nowMs = this.#time.monotonicMs();
    const prompt = new PromptBlocks({ promptTokenIds: [...promptTokenIds], cacheSalt: tenant });
    const candidates = this.#followed.flatMap(({ signals, engine }, index) => {
      const view = asked.has(index) || !signals.isServing(nowMs) ? undefined : signals.view(prompt, nowMs);
      return view === undefined ? [] : [{ index, signals, engine, view }];
    });
    const chosen = this.#policy.choose(candidates, this.#random);
    if (chosen === undefined) {
      outcome.isShed = true;
      return;
    }
    const { index, signals, engine } = chosen;
    const sent = signals.send(prompt, nowMs);
    const passOn = (): void => {
      signals.fail(sent);
      this.serve(arrival, outcome, new Set([...asked, index]));
    };
    const note = (event: SequenceEvent): void => {
      if (event.kind !== "failed") {
        signals.settle(sent);
        noteEvent(outcome, event, index, this.#time.monotonicMs());
      } else if (outcome.firstTokenMs === undefined) {
        passOn();
      } else {
        signals.settle(sent);
      }
    };
    const sampling = { temperature: 0, topP: 1, topK: 0, seed: 0 };
    const stopping = { maxTokens, stopTokenIds: [] };
    const submission = engine.client.submit(
      { promptTokenIds, sampling, stopping, priority: 0, cacheSalt: tenant, tenant },
      note,
    );
    if (!submission.admitted) passOn();
  }
}

function noteEvent(
  outcome: Outcome,
  event: Exclude<SequenceEvent, { kind: "failed" }>,
  engine: number,
  nowMs: number,
): void {
  outcome.engine = engine;
  outcome.firstTokenMs ??= nowMs;
  outcome.numOutputTokens += event.tokenIds.length;
  if (event.kind === "tokens") outcome.numCachedTokens = event.numCachedTokens ?? outcome.numCachedTokens;
  else {
    outcome.numCachedTokens = event.finish.numCachedTokens;
    outcome.lastTokenMs = nowMs;
  }
}
