// vLLM's metric names and labels, so that dashboards and routers made for vLLM work unchanged.
// Source: vLLM docs, "Production Metrics"; vllm/v1/metrics/loggers.py.
import { Counter, Gauge, Registry } from "prom-client";
import type { EngineClient } from "#engine/engine-client.ts";
import type { EngineLoad } from "#engine/generation.ts";
import type { EngineFacts } from "./get-model.ts";
import { observeRequests } from "./request-metrics.ts";
import type { RequestObserver } from "./request-timer.ts";

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
  {
    name: "vllm:prompt_tokens_cached_total",
    help: "Prompt tokens from the cache.",
    read: ({ totals }) => totals.prefixCacheHits,
  },
  {
    name: "vllm:spec_decode_num_drafts_total",
    help: "Guesses of what follows in a sequence, one a step.",
    read: ({ totals }) => totals.drafts,
  },
  {
    name: "vllm:spec_decode_num_draft_tokens_total",
    help: "Tokens guessed ahead.",
    read: ({ totals }) => totals.draftTokens,
  },
  {
    name: "vllm:spec_decode_num_accepted_tokens_total",
    help: "Tokens guessed ahead that came true.",
    read: ({ totals }) => totals.acceptedTokens,
  },
  { name: "vllm:num_preemptions_total", help: "Sequences preempted.", read: ({ totals }) => totals.preemptions },
];

/** What one more label divides. */
interface DividedMetric {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  /** The label's value -> the count. */
  readonly read: (load: EngineLoad, client: EngineClient) => Readonly<Record<string, number>>;
}

const dividedCounters: readonly DividedMetric[] = [
  {
    name: "vllm:request_success_total",
    help: "Sequences that ended, by reason.",
    label: "finished_reason",
    read: ({ totals }) => totals.ended,
  },
  {
    name: "vllm:prompt_tokens_by_source_total",
    help: "Prompt tokens, by where their keys and values came from.",
    label: "source",
    read: ({ totals: { promptTokens, prefixCacheHits } }) => ({
      local_compute: promptTokens - prefixCacheHits,
      local_cache_hit: prefixCacheHits,
    }),
  },
  {
    name: "vllm:admission_rejections_total",
    help: "Requests refused by a full queue, by what it had too little of.",
    label: "reason",
    read: ({ totals: { turnedAway } }, { numTurnedAway }) => ({
      max_num_queued_reqs: turnedAway.numSequences + numTurnedAway,
      max_num_queued_tokens: turnedAway.numTokens,
    }),
  },
];

export interface EngineMetrics {
  readonly registry: Registry;
  /** To be told of requests. */
  readonly observer: RequestObserver;
}

/** The registry reads the engine's last report when it is scraped; it has no samples while no model is loaded. */
export function createEngineMetrics(client: EngineClient, facts: EngineFacts): EngineMetrics {
  const registry = new Registry();
  const registers = [registry];
  const labels = { model_name: facts.modelId, engine: facts.engineId };
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
  for (const { name, help, label, read } of dividedCounters) {
    const collect = (): void => {
      counter.reset();
      if (client.model === undefined) return;
      for (const [value, count] of Object.entries(read(client.model.load, client))) {
        counter.inc({ ...labels, [label]: value }, count);
      }
    };
    const counter = new Counter({ name, help, labelNames: [...labelNames, label], registers, collect });
  }
  const waiting = new Gauge({
    name: "vllm:num_requests_waiting_by_reason",
    help: "Sequences waiting to start: for room, or for the prompt that they share.",
    labelNames: [...labelNames, "reason"],
    registers,
    collect: () => {
      waiting.reset();
      if (client.model === undefined) return;
      const { numWaiting, numDeferred } = client.model.load;
      waiting.set({ ...labels, reason: "capacity" }, numWaiting - numDeferred);
      waiting.set({ ...labels, reason: "deferred" }, numDeferred);
    },
  });
  describeCache(registry, client, facts);
  return { registry, observer: observeRequests(registry, client, labels) };
}

/** vLLM tells its settings as labels of a sample that is always 1, spelled as Python does. */
function describeCache(registry: Registry, client: EngineClient, facts: EngineFacts): void {
  const info = new Gauge({
    name: "vllm:cache_config_info",
    help: "How the KV cache is set up.",
    labelNames: ["block_size", "num_gpu_blocks", "enable_prefix_caching", "engine"],
    registers: [registry],
    collect: () => {
      info.reset();
      if (client.model === undefined) return;
      const { blockSize, numBlocks } = client.model.spec;
      const enable_prefix_caching = facts.prefixCaching ? "True" : "False";
      info.set({ block_size: blockSize, num_gpu_blocks: numBlocks, enable_prefix_caching, engine: facts.engineId }, 1);
    },
  });
}
