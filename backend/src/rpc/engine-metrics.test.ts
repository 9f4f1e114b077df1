import { afterEach, expect, test } from "vitest";
import { FakeExecutor } from "#engine/executor/fake-executor.ts";
import { startMetricsServer } from "#platform/metrics-server.ts";
import { createEngineMetrics } from "./engine-metrics.ts";
import { generateRequest, LoopbackEngine, startGenerate, untilEnd } from "./loopback-engine.ts";

const limits = { maxNumBatchedTokens: 64, maxNumSeqs: 4, maxQueuedRequests: 2, maxQueuedTokens: 1_000 };
const loopback = new LoopbackEngine(new FakeExecutor(), limits);
afterEach(() => loopback.close());

test("a scrape gives vLLM's names with the engine's own counts, once there is a model", async () => {
  const registry = createEngineMetrics(loopback.engineClient, "pocket", "7");
  const server = await startMetricsServer(registry, "127.0.0.1", 0);
  const scrape = async (): Promise<string> => (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  const client = await loopback.listen();
  expect(await scrape()).not.toContain('model_name="pocket"');
  await loopback.load();
  await untilEnd(startGenerate(client, generateRequest("a")));
  await untilEnd(startGenerate(client, generateRequest("b", { promptTokenIds: [1, 2, 3, 4, 5] })));
  await untilEnd(startGenerate(client, generateRequest("c", { promptTokenIds: [1, 2, 3, 4, 5] })));
  await scrape();
  const lines = (await scrape()).split("\n");
  const labels = 'model_name="pocket",engine="7"';
  for (const line of [
    `vllm:num_requests_running{${labels}} 0`,
    `vllm:num_requests_waiting{${labels}} 0`,
    `vllm:kv_cache_usage_perc{${labels}} 0`,
    `vllm:prompt_tokens_total{${labels}} 13`,
    `vllm:generation_tokens_total{${labels}} 15`,
    `vllm:prefix_cache_queries_total{${labels}} 13`,
    `vllm:prefix_cache_hits_total{${labels}} 4`,
    `vllm:num_preemptions_total{${labels}} 0`,
    `vllm:request_success_total{${labels},finished_reason="length"} 3`,
    `vllm:request_success_total{${labels},finished_reason="abort"} 0`,
  ]) {
    expect(lines).toContain(line);
  }
  expect((await fetch(`http://127.0.0.1:${server.port}/`)).status).toBe(404);
  await server.close();
});
