import { Counter, Gauge, type Registry } from "prom-client";
import type { EnginePool } from "./engines/engine-pool.ts";
import type { InFlight } from "./in-flight.ts";

/** What an ingress counts. Engines count tokens and steps themselves. */
export interface IngressMetrics {
  readonly requests: Counter<"route" | "status">;
}

/** Gauges read the running parts at every scrape. */
export function createIngressMetrics(registry: Registry, pool: EnginePool, inFlight: InFlight): IngressMetrics {
  registry.registerMetric(
    new Gauge({
      name: "sluice_ingress_requests_in_flight",
      help: "Completions under way.",
      registers: [],
      collect() {
        this.set(inFlight.size);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: "sluice_ingress_engine_up",
      help: "1 while the engine serves.",
      labelNames: ["engine"],
      registers: [],
      collect() {
        for (const engine of pool.engines) this.set({ engine: engine.address }, engine.isServing ? 1 : 0);
      },
    }),
  );
  const requests = new Counter({
    name: "sluice_ingress_requests_total",
    help: "Requests answered, by route and HTTP status; 499 is a client that left.",
    labelNames: ["route", "status"],
    registers: [registry],
  });
  const picks = new Counter({
    name: "sluice_ingress_engine_picks_total",
    help: "Engines chosen, by what they were chosen.",
    labelNames: ["reason"],
    registers: [registry],
  });
  pool.onPick((reason) => picks.inc({ reason }));
  return { requests };
}
