import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { regionEachTest } from "./fixtures/region-each-test.ts";
import { answer, refuse, type ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { type TestRegion, until } from "./fixtures/test-region.ts";

const hello = { model: "tiny", messages: [{ role: "user", content: "hi" }] };

let engine: ScriptedEngine;
let region: TestRegion;

regionEachTest((...started) => {
  [engine, region] = started;
});

async function scrape(): Promise<string[]> {
  return (await region.registry.metrics()).split("\n");
}

async function ask(payload: object = hello): Promise<void> {
  await (await region.post("/v1/chat/completions", payload)).text();
}

test("requests are counted by route and status, their ends by code, and their times", async () => {
  engine.script = (call) => answer(call, [[65], [66]]);
  await ask();
  await ask({ ...hello, stream: true });
  await ask({ ...hello, temperature: 9 });
  engine.script = (call) => {
    call.write({ tokenIds: [65] });
    refuse(call, status.INTERNAL);
  };
  await ask({ ...hello, stream: true });
  const lines = await scrape();
  for (const line of [
    'sluice_ingress_requests_total{route="chat",status="200"} 3',
    'sluice_ingress_requests_total{route="chat",status="400"} 1',
    'sluice_ingress_errors_total{code="invalid_value"} 1',
    'sluice_ingress_errors_total{code="internal_error"} 1',
    'sluice_ingress_engine_picks_total{reason="least_load"} 3',
    "sluice_ingress_requests_in_flight 0",
    "# TYPE sluice_ingress_time_to_first_token_seconds histogram",
    'sluice_ingress_time_to_first_token_seconds_bucket{le="2560",route="chat"} 3',
    'sluice_ingress_time_to_first_token_seconds_count{route="chat"} 3',
    "# TYPE sluice_ingress_request_duration_seconds histogram",
    'sluice_ingress_request_duration_seconds_bucket{le="7680",route="chat"} 2',
    'sluice_ingress_request_duration_seconds_count{route="chat"} 2',
  ]) {
    expect(lines).toContain(line);
  }
});

test("engines are told while they are there, and not after they left", async () => {
  engine.tellCache(["12345678"], { restarts: true });
  await until(() => region.pool.engines[0]?.numKnownBlocks === 1);
  expect(await scrape()).toEqual(
    expect.arrayContaining([
      `sluice_ingress_engine_up{engine="${engine.address}"} 1`,
      `sluice_ingress_engine_known_blocks{engine="${engine.address}"} 1`,
    ]),
  );
  region.pool.setAddresses([]);
  expect((await scrape()).filter((line) => line.includes(engine.address))).toEqual([]);
});
