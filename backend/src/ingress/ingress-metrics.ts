import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { firstTokenBuckets, requestBuckets } from "#platform/latency-buckets.ts";
import type { EnginePool } from "./engines/engine-pool.ts";
import type { InFlight } from "./in-flight.ts";
import type { RequestRecord } from "./request-record.ts";

/** What an ingress counts. Engines count tokens and steps themselves. */
export interface IngressMetrics {
  /** A request was answered with this HTTP status, or left: 499. */
  noteAnswered(record: RequestRecord, status: number): void;
}

/** Gauges read the running parts at every scrape. */
export function createIngressMetrics(registry: Registry, pool: EnginePool, inFlight: InFlight): IngressMetrics {
  const registers = [registry];
  const inFlightGauge: Gauge = new Gauge({
    name: "sluice_ingress_requests_in_flight",
    help: "Completions under way.",
    registers,
    collect: () => inFlightGauge.set(inFlight.size),
  });
  gaugeEngines(registry, "sluice_ingress_engine_up", "1 while the engine serves.", pool, ({ isServing }) =>
    isServing ? 1 : 0,
  );
  gaugeEngines(
    registry,
    "sluice_ingress_engine_known_blocks",
    "Blocks that the engine's prefix cache is known to hold.",
    pool,
    ({ numKnownBlocks }) => numKnownBlocks,
  );
  const picks = new Counter({
    name: "sluice_ingress_engine_picks_total",
    help: "Engines chosen, by what they were chosen.",
    labelNames: ["reason"],
    registers,
  });
  pool.onPick((reason) => picks.inc({ reason }));
  return countRequests(registry);
}

/** One sample for every engine there is at the moment, and none of those that have left. */
function gaugeEngines(
  registry: Registry,
  name: string,
  help: string,
  pool: EnginePool,
  read: (engine: EnginePool["engines"][number]) => number,
): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames: ["engine"],
    registers: [registry],
    collect: () => {
      gauge.reset();
      for (const engine of pool.engines) gauge.set({ engine: engine.address }, read(engine));
    },
  });
}

function countRequests(registry: Registry): IngressMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: "sluice_ingress_requests_total",
    help: "Requests answered, by route and HTTP status; 499 is a client that left.",
    labelNames: ["route", "status"],
    registers,
  });
  const errors = new Counter({
    name: "sluice_ingress_errors_total",
    help: "Requests that ended with an error, by its code; also those whose answer had begun.",
    labelNames: ["code"],
    registers,
  });
  const firstText = new Histogram({
    name: "sluice_ingress_time_to_first_token_seconds",
    help: "From a request to the first of its output.",
    labelNames: ["route"],
    buckets: firstTokenBuckets,
    registers,
  });
  const duration = new Histogram({
    name: "sluice_ingress_request_duration_seconds",
    help: "From a request to the end of its answer, of those that were not refused or left.",
    labelNames: ["route"],
    buckets: requestBuckets,
    registers,
  });
  return {
    noteAnswered: ({ route, error, progress, elapsedMs }, status) => {
      requests.inc({ route, status: String(status) });
      if (progress.firstTextMs !== undefined) firstText.observe({ route }, progress.firstTextMs / 1e3);
      if (error === undefined) duration.observe({ route }, elapsedMs / 1e3);
      else errors.inc({ code: error.code });
    },
  };
}
