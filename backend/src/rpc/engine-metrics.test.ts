import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeExecutor } from "#engine/executor/fake-executor.ts";
import { type MetricsServer, startMetricsServer } from "#platform/metrics-server.ts";
import { generateRequest, LoopbackEngine, startGenerate, untilEnd } from "./loopback-engine.ts";
import { StepGate } from "./step-gate.ts";

const limits = { maxNumBatchedTokens: 64, maxNumSeqs: 4, maxQueuedRequests: 2, maxQueuedTokens: 1_000 };
const labels = 'model_name="fake",engine="0"';

let loopback: LoopbackEngine;
let client: Awaited<ReturnType<LoopbackEngine["listen"]>>;
let server: MetricsServer;
let gate: StepGate;

beforeEach(async () => {
  gate = new StepGate();
  loopback = new LoopbackEngine(new FakeExecutor({}, gate.pass), limits);
  client = await loopback.listen();
  server = await startMetricsServer(loopback.metrics.registry, "127.0.0.1", 0);
});

afterEach(async () => {
  await server.close();
  await loopback.close();
});

async function scrape(): Promise<string[]> {
  return (await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()).split("\n");
}

function ask(id: string, n = 1): ReturnType<typeof untilEnd> {
  return untilEnd(startGenerate(client, generateRequest(id, { n })));
}

/** Loads the model and runs three requests to their ends. */
async function serveThree(): Promise<void> {
  await loopback.load();
  await untilEnd(startGenerate(client, generateRequest("a")));
  await untilEnd(startGenerate(client, generateRequest("b", { promptTokenIds: [1, 2, 3, 4, 5] })));
  await untilEnd(startGenerate(client, generateRequest("c", { promptTokenIds: [1, 2, 3, 4, 5] })));
}

test("a scrape gives vLLM's names with the engine's own counts, once there is a model", async () => {
  expect((await scrape()).join("\n")).not.toContain('model_name="fake"');
  await serveThree();
  await scrape();
  const lines = await scrape();
  for (const line of [
    `vllm:num_requests_running{${labels}} 0`,
    `vllm:num_requests_waiting{${labels}} 0`,
    `vllm:kv_cache_usage_perc{${labels}} 0`,
    `vllm:prompt_tokens_total{${labels}} 13`,
    `vllm:generation_tokens_total{${labels}} 15`,
    `vllm:prefix_cache_queries_total{${labels}} 13`,
    `vllm:prefix_cache_hits_total{${labels}} 4`,
    `vllm:prompt_tokens_cached_total{${labels}} 4`,
    `vllm:prompt_tokens_by_source_total{${labels},source="local_compute"} 9`,
    `vllm:prompt_tokens_by_source_total{${labels},source="local_cache_hit"} 4`,
    `vllm:admission_rejections_total{${labels},reason="max_num_queued_reqs"} 0`,
    `vllm:num_preemptions_total{${labels}} 0`,
    `vllm:spec_decode_num_drafts_total{${labels}} 0`,
    `vllm:spec_decode_num_draft_tokens_total{${labels}} 0`,
    `vllm:spec_decode_num_accepted_tokens_total{${labels}} 0`,
    `vllm:request_success_total{${labels},finished_reason="length"} 3`,
    `vllm:request_success_total{${labels},finished_reason="abort"} 0`,
    'vllm:cache_config_info{block_size="4",num_gpu_blocks="64",enable_prefix_caching="True",engine="0"} 1',
  ]) {
    expect(lines).toContain(line);
  }
  expect((await fetch(`http://127.0.0.1:${server.port}/`)).status).toBe(404);
});

const requestSeconds = "0.3 0.5 0.8 1 1.5 2 2.5 5 10 15 20 30 40 50 60 120 240 480 960 1920 7680";
const nextTokenSeconds = "0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.4 0.5 0.75 1 2.5 5 7.5 10 20 40 80";

// Source: vllm/v1/metrics/loggers.py. The counts are those of three requests of five tokens each, 13 prompt tokens together,
// of which 4 were cached; each prompt is one step, and so is each further token.
test.each([
  [
    "vllm:time_to_first_token_seconds",
    "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 20 40 80 160 640 2560",
    3,
  ],
  ["vllm:inter_token_latency_seconds", nextTokenSeconds, 12],
  ["vllm:request_time_per_output_token_seconds", nextTokenSeconds, 3],
  ["vllm:e2e_request_latency_seconds", requestSeconds, 3],
  ["vllm:request_queue_time_seconds", requestSeconds, 3],
  ["vllm:request_inference_time_seconds", requestSeconds, 3],
  ["vllm:request_prefill_time_seconds", requestSeconds, 3],
  ["vllm:request_decode_time_seconds", requestSeconds, 3],
  ["vllm:request_prompt_tokens", "1 2 5 10 20 50 100 200", 3],
  ["vllm:request_generation_tokens", "1 2 5 10 20 50 100 200", 3],
  ["vllm:request_prefill_kv_computed_tokens", "1 2 5 10 20 50 100 200", 3],
  ["vllm:request_max_num_generation_tokens", "1 2 5 10 20 50 100 200", 3],
  ["vllm:request_params_max_tokens", "1 2 5 10 20 50 100 200", 3],
  ["vllm:request_params_n", "1 2 5 10 20", 3],
  ["vllm:iteration_tokens_total", "1 8 16 32 64 128 256 512 1024 2048 4096 8192 16384", 15],
])("%s is a histogram with vLLM's buckets", async (name, buckets, count) => {
  await serveThree();
  const lines = await scrape();
  expect(lines).toContain(`# TYPE ${name} histogram`);
  const bounds = lines.flatMap((line) =>
    line.startsWith(`${name}_bucket{`) ? (/le="(.*?)"/.exec(line)?.[1] ?? []) : [],
  );
  expect(bounds.join(" ")).toBe(`${buckets} +Inf`);
  expect(lines).toContain(`${name}_count{${labels}} ${count}`);
});

test("sums are in seconds and tokens", async () => {
  await serveThree();
  const lines = await scrape();
  const sumOf = (name: string): number =>
    Number(lines.find((line) => line.startsWith(`${name}_sum{${labels}} `))?.split(" ")[1]);
  expect(sumOf("vllm:request_prompt_tokens")).toBe(13);
  expect(sumOf("vllm:request_generation_tokens")).toBe(15);
  expect(sumOf("vllm:request_prefill_kv_computed_tokens")).toBe(13 - 4);
  expect(sumOf("vllm:request_max_num_generation_tokens")).toBe(15);
  expect(sumOf("vllm:request_params_max_tokens")).toBe(15);
  expect(sumOf("vllm:request_params_n")).toBe(3);
  expect(sumOf("vllm:iteration_tokens_total")).toBe(13 - 4 + 12);
  const phases = ["request_queue_time", "request_prefill_time", "request_decode_time"];
  const total = phases.reduce((sum, phase) => sum + sumOf(`vllm:${phase}_seconds`), 0);
  expect(total).toBeCloseTo(sumOf("vllm:e2e_request_latency_seconds"), 9);
  expect(sumOf("vllm:time_to_first_token_seconds")).toBeLessThanOrEqual(total);
});

test("while the engine is full it is told who waits for what, and that others were refused", async () => {
  await loopback.load();
  const first = gate.hold();
  const runs = ask("runs");
  await first.reached;
  // Of four choices three wait for the logits of their prompt. Calls come in order: once the last is refused, all were heard.
  const waiting = [ask("choices", 4), ask("waits")];
  expect((await ask("refused")).error?.code).toBe(status.RESOURCE_EXHAUSTED);
  const second = gate.hold();
  first.release();
  await loopback.untilLoad(({ numWaiting }) => numWaiting === 5);
  const lines = await scrape();
  for (const line of [
    `vllm:num_requests_running{${labels}} 1`,
    `vllm:num_requests_waiting{${labels}} 5`,
    `vllm:num_requests_waiting_by_reason{${labels},reason="capacity"} 2`,
    `vllm:num_requests_waiting_by_reason{${labels},reason="deferred"} 3`,
    `vllm:admission_rejections_total{${labels},reason="max_num_queued_reqs"} 1`,
    `vllm:admission_rejections_total{${labels},reason="max_num_queued_tokens"} 0`,
  ]) {
    expect(lines).toContain(line);
  }
  gate.open();
  second.release();
  for (const { error } of await Promise.all([runs, ...waiting])) expect(error).toBeUndefined();
});
