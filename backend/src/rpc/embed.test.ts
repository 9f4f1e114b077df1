import { type CallOptions, type ClientUnaryCall, type ServiceError, status } from "@grpc/grpc-js";
import type { EmbedRequest, EmbedResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeEngine, startFakeEngine } from "./fake-engine.ts";
import { generateRequest, service, startGenerate, untilEnd } from "./loopback-engine.ts";

/** Of many steps. */
const long = { tokenIds: Array.from({ length: 50_000 }, (_, index) => index % 97) };

interface Ended {
  readonly response: EmbedResponse | undefined;
  readonly error: ServiceError | null;
}

let loopback: FakeEngine["loopback"];
let client: FakeEngine["client"];
let steps: FakeEngine["steps"];

beforeEach(async () => {
  ({ loopback, client, steps } = await startFakeEngine(16_384));
});
afterEach(() => loopback.close());

function startEmbed(
  requestId: string,
  fields: Partial<EmbedRequest> = {},
  options: CallOptions = {},
): { readonly call: ClientUnaryCall; readonly ended: Promise<Ended> } {
  const request = { requestId, tokenIds: [1, 2, 3], priority: 0, cacheSalt: "", tenant: "", ...fields };
  const { path, requestSerialize, responseDeserialize } = service.embed;
  const { promise: ended, resolve } = Promise.withResolvers<Ended>();
  const answer = (error: ServiceError | null, response?: EmbedResponse): void => resolve({ error, response });
  const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, options, answer);
  return { call, ended };
}

const allIsFree = (): Promise<void> =>
  loopback.untilLoad(
    ({ numFreeBlocks, numRunning, numWaiting }) => numFreeBlocks === 16_384 && numRunning + numWaiting === 0,
  );

test("before the model is loaded it is UNAVAILABLE", async () => {
  expect((await startEmbed("a").ended).error?.code).toBe(status.UNAVAILABLE);
});

test("gives a vector of length 1, whole or in its first dimensions, and counts the tokens", async () => {
  await loopback.load();
  const { response } = await startEmbed("a", { cacheSalt: "org", tokenIds: [...Array(13).keys()] }).ended;
  expect(response).toMatchObject({ promptTokens: 13, cachedTokens: 0 });
  expect(response?.embedding).toHaveLength(6);
  expect(Math.hypot(...(response?.embedding ?? []))).toBeCloseTo(1, 6);
  const again = await startEmbed("b", { cacheSalt: "org", tokenIds: [...Array(13).keys()], dimensions: 2 }).ended;
  expect(again.response).toMatchObject({ promptTokens: 13, cachedTokens: 12 });
  expect(again.response?.embedding).toHaveLength(2);
});

test("is timed as any request is, but for tokens that it does not give", async () => {
  await loopback.load();
  await startEmbed("a", { tokenIds: [...Array(13).keys()] }).ended;
  const lines = (await loopback.metrics.registry.metrics()).split("\n");
  const labels = '{model_name="fake",engine="0"}';
  for (const phase of ["e2e_request_latency", "request_queue_time", "request_prefill_time"]) {
    expect(lines).toContain(`vllm:${phase}_seconds_count${labels} 1`);
  }
  expect(lines).toContain(`vllm:request_prompt_tokens_sum${labels} 13`);
  expect(lines.filter((line) => line.startsWith("vllm:time_to_first_token_seconds_count"))).toEqual([]);
});

test("runs beside generating sequences, whose request ids it shares", async () => {
  await loopback.load();
  const hold = steps.hold();
  const generating = untilEnd(startGenerate(client, generateRequest("a")));
  await hold.reached;
  const embedding = startEmbed("b").ended;
  expect((await startEmbed("a").ended).error?.code).toBe(status.INVALID_ARGUMENT);
  hold.release();
  expect((await generating).tokenIds).toHaveLength(5);
  expect((await embedding).response?.embedding).toHaveLength(6);
  expect((await startEmbed("a").ended).error).toBeNull();
});

test.each<[string, Partial<EmbedRequest>]>([
  ["requestId", { requestId: "" }],
  ["cacheSalt", { cacheSalt: "x".repeat(257) }],
  ["tenant", { tenant: "x".repeat(257) }],
  ["dimensions", { dimensions: 0 }],
  ["dimensions", { dimensions: 7 }],
  ["prompt", { tokenIds: [] }],
  ["prompt", { tokenIds: [97] }],
])("answers INVALID_ARGUMENT and says %s when that is wrong", async (field, wrong) => {
  await loopback.load();
  const { error } = await startEmbed("a", wrong).ended;
  expect([error?.code, error?.details]).toEqual([status.INVALID_ARGUMENT, expect.stringContaining(field)]);
});

test("answers RESOURCE_EXHAUSTED when the queue is full, and says when to come back", async () => {
  await loopback.load();
  const hold = steps.hold();
  const calls = [0, 1, 2, 3, 4, 5].map((id) => startEmbed(`${id}`).ended);
  await hold.reached;
  const { error } = await startEmbed("one too many").ended;
  expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
  expect(Number(error?.metadata.get("sluice-retry-after-ms")[0])).toBeGreaterThanOrEqual(100);
  hold.release();
  expect((await Promise.all(calls)).map((ended) => ended.error)).toEqual(Array(6).fill(null));
});

test("a cancelled call is out of the engine by the next step", async () => {
  await loopback.load();
  const hold = steps.hold();
  const { call, ended } = startEmbed("a", long);
  await hold.reached;
  call.cancel();
  expect((await ended).error?.code).toBe(status.CANCELLED);
  hold.release();
  await loopback.untilLoad(({ totals }) => totals.ended.abort === 1 && totals.promptTokens === 0);
  await allIsFree();
});

test("a deadline that passes ends the call and frees its blocks", async () => {
  await loopback.load();
  const hold = steps.hold();
  const { ended } = startEmbed("a", long, { deadline: Date.now() + 50 });
  expect((await ended).error?.code).toBe(status.DEADLINE_EXCEEDED);
  hold.release();
  await loopback.untilLoad(({ totals }) => totals.ended.abort === 1);
  await allIsFree();
});

test("a step that fails ends the call with INTERNAL", async () => {
  await loopback.load();
  steps.fail(new Error("device lost"));
  expect((await startEmbed("a").ended).error).toMatchObject({ code: status.INTERNAL });
  await allIsFree();
});

test("when the engine dies its calls end with UNAVAILABLE", async () => {
  await loopback.load();
  const hold = steps.hold();
  const { ended } = startEmbed("a");
  await hold.reached;
  loopback.engineClient.fail("the thread is gone");
  expect((await ended).error?.code).toBe(status.UNAVAILABLE);
  hold.release();
});

test("a drain refuses new calls and lets the open ones finish", async () => {
  await loopback.load();
  const hold = steps.hold();
  const open = startEmbed("open").ended;
  await hold.reached;
  const drained = loopback.server.drain(60_000);
  expect((await startEmbed("late").ended).error?.code).toBe(status.UNAVAILABLE);
  hold.release();
  expect((await open).response?.embedding).toHaveLength(6);
  await drained;
});

test("a drain ends with UNAVAILABLE what is left after its grace", async () => {
  await loopback.load();
  const hold = steps.hold();
  const open = startEmbed("open", long).ended;
  await hold.reached;
  const drained = loopback.server.drain(1);
  expect((await open).error?.code).toBe(status.UNAVAILABLE);
  hold.release();
  await drained;
  await allIsFree();
});
