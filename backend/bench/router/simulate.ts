import { usualTileSize } from "#engine/executor/tile-size.ts";
import type { SchedulerLimits } from "#engine/scheduler/scheduler-limits.ts";
import type { Outcome } from "./outcome.ts";
import type { Policy } from "./policies.ts";
import { SimulatedEngine } from "./simulated-engine.ts";
import { SimulatedIngress } from "./simulated-ingress.ts";
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

/** Something that befalls engines at a moment, for a time. */
export interface Incident {
  /** Killed, and started again with nothing; or its Watches hang while it goes on. */
  readonly kind: "restart" | "silence";
  readonly engines: readonly number[];
  readonly atMs: number;
  readonly durationMs: number;
}

/**
 * Serves the arrivals in virtual time. One outcome each, in order; those that had not ended by `untilMs` have no last token.
 * The same arguments give the same outcomes.
 */
export async function simulate(
  house: House,
  policy: Policy,
  arrivals: readonly Arrival[],
  untilMs: number,
  incidents: readonly Incident[] = [],
): Promise<Outcome[]> {
  const { numEngines, numIngresses, numBlocks, blockSize, vocabSize, limits, cost } = house;
  const time = new VirtualTime();
  const spec = { vocabSize, maxModelLen: 4096, blockSize, tileSize: usualTileSize, numBlocks };
  const start = (): SimulatedEngine =>
    new SimulatedEngine(executorWithoutModel(spec, limits.maxNumSeqs), limits, cost, time);
  const engines = Array.from({ length: numEngines }, start);
  const ingresses = Array.from({ length: numIngresses }, (_, index) => {
    return new SimulatedIngress(policy, limits, engines, time, index);
  });
  for (const { kind, engines: struck, atMs, durationMs } of incidents) {
    time.after(atMs, () => {
      for (const index of struck) {
        if (kind === "silence") {
          engines[index]?.silence(atMs + durationMs);
          continue;
        }
        // Its calls end before anybody has read that its Watch did.
        engines[index]?.kill();
        for (const ingress of ingresses) ingress.lose(index);
        time.after(durationMs, () => {
          const engine = start();
          engines[index] = engine;
          for (const ingress of ingresses) ingress.find(index, engine);
        });
      }
    });
  }
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
