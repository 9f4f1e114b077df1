// vLLM's metric names and labels, so that dashboards and routers made for vLLM work unchanged.
// Source: vLLM docs, "Production Metrics"; vllm/v1/metrics/loggers.py.
import { Counter, Gauge, Registry } from "prom-client";
import type { EngineClient } from "#engine/engine-client.ts";
import type { EngineLoad } from "#engine/generation.ts";

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly read: (load: EngineLoad) => number;
}

const gauges: readonly Metric[] = [
  { name: "vllm:num_requests_running", help: "Sequences in the running batch.", read: (load) => load.numRunning },
  { name: "vllm:num_requests_waiting", help: "Sequences waiting to start.", read: (load) => load.numWaiting },
  {
    name: "vllm:kv_cache_usage_perc",
    help: "Share of the KV blocks that live sequences own; 1 is all of them.",
    read: (load) => 1 - load.numFreeBlocks / load.numBlocks,
  },
];

const counters: readonly Metric[] = [
  {
    name: "vllm:prompt_tokens_total",
    help: "Prompt tokens, from the cache or computed.",
    read: ({ totals }) => totals.promptTokens,
  },
  { name: "vllm:generation_tokens_total", help: "Tokens sampled.", read: ({ totals }) => totals.generationTokens },
  {
    name: "vllm:prefix_cache_queries_total",
    help: "Prompt tokens looked up in the prefix cache.",
    read: ({ totals }) => totals.prefixCacheQueries,
  },
  {
    name: "vllm:prefix_cache_hits_total",
    help: "Prompt tokens that the prefix cache had.",
    read: ({ totals }) => totals.prefixCacheHits,
  },
  { name: "vllm:num_preemptions_total", help: "Sequences preempted.", read: ({ totals }) => totals.preemptions },
];

/** A registry that reads the engine's last report when it is scraped; it has no samples while no model is loaded. */
export function createEngineMetrics(client: EngineClient, modelId: string, engineId: string): Registry {
  const registry = new Registry();
  const registers = [registry];
  const labels = { model_name: modelId, engine: engineId };
  const labelNames = Object.keys(labels);

  for (const { name, help, read } of gauges) {
    const collect = (): void => {
      gauge.reset();
      if (client.model !== undefined) gauge.set(labels, read(client.model.load));
    };
    const gauge = new Gauge({ name, help, labelNames, registers, collect });
  }
  // The engine counts for itself: a scrape replaces the sample by the engine's total.
  for (const { name, help, read } of counters) {
    const collect = (): void => {
      counter.reset();
      if (client.model !== undefined) counter.inc(labels, read(client.model.load));
    };
    const counter = new Counter({ name, help, labelNames, registers, collect });
  }
  const ended = new Counter({
    name: "vllm:request_success_total",
    help: "Sequences that ended, by reason.",
    labelNames: [...labelNames, "finished_reason"],
    registers,
    collect: () => {
      ended.reset();
      if (client.model === undefined) return;
      for (const [reason, count] of Object.entries(client.model.load.totals.ended)) {
        ended.inc({ ...labels, finished_reason: reason }, count);
      }
    },
  });
  return registry;
}
