import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { refuseWith } from "./support/behaviours.ts";
import { startDevWorker } from "./support/dev-worker.ts";
import { Edge } from "./support/edge.ts";
import type { MockRegion } from "./support/mock-region.ts";
import { type ResponseBody, ResponseCaller } from "./support/response-caller.ts";
import { dieMidResponse, respondForever, respondWith } from "./support/response-behaviours.ts";

let edge: Edge;
let region: MockRegion;
let responses: ResponseCaller;

beforeAll(async () => {
  edge = await Edge.start(startDevWorker, ["amsterdam"]);
  region = edge.region("amsterdam");
  responses = new ResponseCaller(edge, (await edge.createKey()).value);
});
afterAll(async () => edge.stop());
beforeEach(() => {
  region.received.length = 0;
  region.behaviour = respondWith("hello");
});

function eventsIn(text: string): { type: string; sequence_number: number; response?: ResponseBody; code?: string }[] {
  const lines = text.split("\n").filter((line) => line.startsWith("data: "));
  return lines.map((line) => JSON.parse(line.slice(6)) as { type: string; sequence_number: number });
}

describe("a response", () => {
  test("has the id that the edge chose, and can be had again as it was", async () => {
    const response = await responses.call("POST", "", { model: "pocket", input: "hi" });
    const created = (await response.json()) as ResponseBody;
    expect(created.id).toBe(response.headers.get("x-request-id")?.replace("req_", "resp_"));
    expect(await responses.get(`/${created.id}`)).toEqual(created);
  });

  test("that was streamed can be had as soon as its end was seen", async () => {
    const text = await (await responses.call("POST", "", { model: "pocket", input: "hi", stream: true })).text();
    const last = eventsIn(text).at(-1);
    expect(last?.type).toBe("response.completed");
    expect(await responses.get(`/${last?.response?.id}`)).toEqual(last?.response);
  });

  test.each([true, false])("is gone when it was deleted (streamed: %s)", async (stream) => {
    const response = await responses.call("POST", "", { model: "pocket", input: "hi", stream });
    const text = await response.text();
    const id = response.headers.get("x-request-id")?.replace("req_", "resp_");
    expect(text).toContain(id);
    const deleted = await responses.call("DELETE", `/${id}`);
    expect(await deleted.json()).toEqual({ id, object: "response", deleted: true });
    expect((await responses.call("DELETE", `/${id}`)).status).toBe(404);
    expect((await responses.call("GET", `/${id}`)).status).toBe(404);
    expect((await responses.call("GET", `/${id}/input_items`)).status).toBe(404);
  });

  test("that is not to be stored is not", async () => {
    const { id } = await responses.create({ store: false });
    expect((await responses.call("GET", `/${id}`)).status).toBe(404);
  });

  test("is another's 404", async () => {
    const { id } = await responses.create();
    const project = (await (await edge.organization("POST", "/projects", { name: "other" })).json()) as { id: string };
    const path = `/projects/${project.id}/api_keys`;
    const other = (await (await edge.organization("POST", path, { name: "x" })).json()) as { value: string };
    const sameProject = (await edge.createKey()).value;
    expect((await responses.call("GET", `/${id}`, undefined, { as: other.value })).status).toBe(404);
    expect((await responses.call("DELETE", `/${id}`, undefined, { as: other.value })).status).toBe(404);
    expect(await responses.create({ previous_response_id: id }, { as: other.value })).toMatchObject({
      error: { code: "previous_response_not_found", param: "previous_response_id" },
    });
    expect((await responses.call("GET", `/${id}`, undefined, { as: sameProject })).status).toBe(200);
  });

  test("that a region refused is not stored", async () => {
    region.behaviour = refuseWith(400);
    const response = await responses.call("POST", "", { model: "pocket", input: "hi" });
    expect(response.status).toBe(400);
    const id = response.headers.get("x-request-id")?.replace("req_", "resp_");
    expect((await responses.call("GET", `/${id}`)).status).toBe(404);
  });

  test("cannot be streamed again", async () => {
    const { id } = await responses.create();
    expect(await responses.get(`/${id}?stream=true`)).toMatchObject({ error: { param: "stream" } });
    expect(await responses.get(`/${id}?colour=red`)).toMatchObject({
      error: { code: "unknown_parameter", param: "colour" },
    });
  });

  test("costs no request of the limit to read", async () => {
    const { value } = await edge.createKey({ rpd: 1 });
    const { id } = await responses.create({}, { as: value });
    for (let time = 0; time < 3; time += 1)
      expect((await responses.get(`/${id}`, { as: value })).status).toBe("completed");
    expect((await responses.call("POST", "", { model: "pocket", input: "hi" }, { as: value })).status).toBe(429);
  });
});

describe("endings", () => {
  test("a caller who leaves: the region hears of it, and the response is cancelled", async () => {
    region.behaviour = respondForever;
    const leaving = new AbortController();
    const response = await responses.call(
      "POST",
      "",
      { model: "pocket", input: "hi", stream: true },
      { signal: leaving.signal },
    );
    const id = response.headers.get("x-request-id")?.replace("req_", "resp_");
    await response.body?.getReader().read();
    leaving.abort();
    await vi.waitFor(async () => expect((await responses.get(`/${id}`)).status).toBe("cancelled"), 5_000);
    await vi.waitFor(() => expect(region.numAbandoned).toBe(1), 5_000);
  });

  test("a region that dies: an error event that goes on counting, and a response that failed", async () => {
    region.behaviour = dieMidResponse;
    const text = await (await responses.call("POST", "", { model: "pocket", input: "hi", stream: true })).text();
    const blocks = text.split("\n\n").filter((block) => block.trim() !== "");
    expect(blocks.at(-1)).toMatch(/^event: error\n/);
    const last = JSON.parse(blocks.at(-1)?.split("data: ")[1] ?? "") as object;
    expect(last).toMatchObject({ type: "error", code: "upstream_error", param: null, sequence_number: 2 });
    const id = eventsIn(blocks[0] ?? "")[0]?.response?.id;
    await vi.waitFor(
      async () =>
        expect(await responses.get(`/${id}`)).toMatchObject({
          status: "failed",
          error: { code: "server_error" },
          output: [],
        }),
      10_000,
    );
  });

  test("a region that dies before an answer is whole: an error, and no response", async () => {
    region.behaviour = (response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
      response.write('{"id":', () => setTimeout(() => response.destroy(), 20));
    };
    const response = await responses.call("POST", "", { model: "pocket", input: "hi" });
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "upstream_error" } });
    const id = response.headers.get("x-request-id")?.replace("req_", "resp_");
    expect((await responses.call("GET", `/${id}`)).status).toBe(404);
  });

  test("with an idempotency key, a caller who leaves finds the response at its retry", async () => {
    const headers = { "idempotency-key": "once" };
    const params = { model: "pocket", input: "hi", stream: true };
    const leaving = new AbortController();
    const first = await responses.call("POST", "", params, { signal: leaving.signal, headers });
    const id = first.headers.get("x-request-id")?.replace("req_", "resp_");
    leaving.abort();
    const second = eventsIn(await (await responses.call("POST", "", params, { headers })).text());
    expect(second.at(-1)).toMatchObject({ type: "response.completed", response: { id } });
    expect((await responses.get(`/${id}`)).status).toBe("completed");
    expect(region.received).toHaveLength(1);
  });
});

test.each<[object, string, string]>([
  [
    { input: [{ role: "user", content: [{ type: "input_image", image_url: "x" }] }] },
    "unsupported_parameter",
    "input[0].content[0]",
  ],
  [{ tools: [{ type: "web_search" }] }, "unsupported_parameter", "tools[0]"],
  [{ conversation: "conv_1" }, "unsupported_parameter", "conversation"],
  [{ background: true, store: false }, "invalid_value", "background"],
  [{ colour: "red" }, "unknown_parameter", "colour"],
])("%j is refused at the edge: %s, %s", async (params, code, param) => {
  expect(await responses.create(params)).toMatchObject({ error: { code, param } });
  expect(region.received).toHaveLength(0);
});

test("a method that is not there is refused, naming those that are", async () => {
  expect((await responses.call("PUT", "/x", {})).headers.get("allow")).toBe("GET, DELETE");
  expect((await responses.call("GET", "")).headers.get("allow")).toBe("POST");
});
