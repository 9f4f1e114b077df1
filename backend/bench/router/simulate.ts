import type { SequenceEvent } from "#engine/generation.ts";
import { uniformAt } from "#engine/sampling/philox.ts";
import type { SchedulerLimits } from "#engine/scheduler/scheduler-limits.ts";
import { EngineSignals } from "#ingress/engines/engine-signals.ts";
import { PromptBlocks } from "#ingress/engines/prompt-blocks.ts";
import type { Outcome } from "./outcome.ts";
import type { Policy } from "./policies.ts";
import { SimulatedEngine } from "./simulated-engine.ts";
import { executorWithoutModel, type StepCost } from "./step-cost.ts";
import type { Arrival } from "./traffic.ts";
import { VirtualTime } from "./virtual-time.ts";

export interface House {
  readonly numEngines: number;
  /** They choose independently, each by the reports it gets. */
  readonly numIngresses: number;
  readonly numBlocks: number;
  readonly blockSize: number;
  readonly vocabSize: number;
  readonly limits: SchedulerLimits;
  readonly cost: StepCost;
}

const maxKnownBlocks = 131_072;

/** Serves the arrivals in virtual time. One outcome each, in order; those that had not ended by `untilMs` have no last token. */
export async function simulate(
  house: House,
  policy: Policy,
  arrivals: readonly Arrival[],
  untilMs: number,
): Promise<Outcome[]> {
  const { numEngines, numIngresses, numBlocks, blockSize, vocabSize, limits, cost } = house;
  const time = new VirtualTime();
  const spec = { vocabSize, maxModelLen: 4096, blockSize, numBlocks };
  const engines = Array.from({ length: numEngines }, () => {
    return new SimulatedEngine(executorWithoutModel(spec, limits.maxNumSeqs), limits, cost, time);
  });
  const ingresses = Array.from({ length: numIngresses }, () => new SimulatedIngress(house, policy, engines, time));
  const outcomes = arrivals.map((arrival, index) => {
    const outcome = outcomeOf(arrival);
    time.after(arrival.atMs, () => ingresses[index % numIngresses]?.serve(arrival, outcome));
    return outcome;
  });
  await time.pass(untilMs);
  return outcomes;
}

function outcomeOf({ atMs, promptTokenIds }: Arrival): Outcome {
  return {
    arrivedMs: atMs,
    numPromptTokens: promptTokenIds.length,
    numCachedTokens: 0,
    numOutputTokens: 0,
    isShed: false,
  };
}

let numIngressesMade = 0;

/** The real signals and the policy, over engines that are asked by calls. */
class SimulatedIngress {
  readonly #policy: Policy;
  readonly #engines: readonly SimulatedEngine[];
  readonly #signals: readonly EngineSignals[];
  readonly #time: VirtualTime;
  readonly #random: () => number;

  constructor(house: House, policy: Policy, engines: readonly SimulatedEngine[], time: VirtualTime) {
    this.#policy = policy;
    this.#engines = engines;
    this.#time = time;
    numIngressesMade += 1;
    const seed = numIngressesMade;
    let numDrawn = 0;
    this.#random = () => uniformAt(seed, numDrawn++);
    this.#signals = engines.map((engine, index) => {
      const signals = new EngineSignals(`engine ${index}`, maxKnownBlocks);
      const { maxModelLen, vocabSize, blockSize, numBlocks } = engine.engine.spec;
      const { maxNumBatchedTokens, maxNumSeqs } = house.limits;
      const sizes = { maxModelLen, vocabSize, blockSize, numBlocks, maxNumBatchedTokens, maxNumSeqs, embeddingSize: 0 };
      signals.introduce({ modelId: "simulated", engineId: String(index), prefixCaching: true, ...sizes });
      signals.beginWatch();
      engine.watch((report) => {
        if (!signals.noteReport(report, time.monotonicMs())) throw new Error("cache events were missed");
      });
      return signals;
    });
  }

  serve(arrival: Arrival, outcome: Outcome, asked: ReadonlySet<number> = new Set()): void {
    const { promptTokenIds, tenant, maxTokens } = arrival;
    const nowMs = this.#time.monotonicMs();
    const prompt = new PromptBlocks({ promptTokenIds: [...promptTokenIds], cacheSalt: tenant });
    const candidates = this.#signals.flatMap((signals, index) => {
      const view = asked.has(index) ? undefined : signals.view(prompt, nowMs);
      return view === undefined ? [] : [{ index, signals, view }];
    });
    const chosen = this.#policy.choose(candidates, this.#random);
    const client = chosen && this.#engines[chosen.index]?.client;
    if (chosen === undefined || client === undefined) {
      outcome.isShed = true;
      return;
    }
    const { index, signals } = chosen;
    const sent = signals.send(prompt, nowMs);
    const passOn = (): void => {
      signals.fail(sent);
      this.serve(arrival, outcome, new Set([...asked, index]));
    };
    const note = (event: SequenceEvent): void => {
      if (event.kind === "failed") return passOn();
      signals.settle(sent);
      noteEvent(outcome, event, index, this.#time.monotonicMs());
    };
    const sampling = { temperature: 0, topP: 1, topK: 0, seed: 0 };
    const stopping = { maxTokens, stopTokenIds: [] };
    const submission = client.submit(
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
