import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { refuseWith } from "./support/behaviours.ts";
import { startDevWorker } from "./support/dev-worker.ts";
import { Edge } from "./support/edge.ts";
import type { MockRegion } from "./support/mock-region.ts";
import { dieMidResponse, requestIn, respondForever, respondWith } from "./support/response-behaviours.ts";

interface Body {
  readonly id: string;
  readonly status: string;
  readonly error?: { readonly code: string; readonly param: string | null };
}

interface ItemList {
  readonly data: readonly { readonly id: string; readonly content: readonly { readonly text: string }[] }[];
  readonly has_more: boolean;
  readonly first_id: string;
  readonly last_id: string;
}

let edge: Edge;
let region: MockRegion;
let key: string;

beforeAll(async () => {
  edge = await Edge.start(startDevWorker, ["amsterdam"], { MAX_BODY_BYTES: "20000" });
  region = edge.region("amsterdam");
  key = (await edge.createKey()).value;
});
afterAll(async () => edge.stop());
beforeEach(() => {
  region.received.length = 0;
  region.behaviour = respondWith("hello");
});

interface CallOptions {
  readonly as?: string;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

async function call(method: string, path: string, body?: object, { as = key, signal, headers }: CallOptions = {}) {
  const type = body === undefined ? {} : { "content-type": "application/json" };
  return edge.fetch(`/v1/responses${path}`, {
    method,
    headers: { authorization: `Bearer ${as}`, ...type, ...headers },
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal ?? null,
  });
}

async function create(params: object = {}, options: CallOptions = {}): Promise<Body> {
  const response = await call("POST", "", { model: "pocket", input: "hi", ...params }, options);
  return (await response.json()) as Body;
}

async function get<Answer = Body>(path: string, options: CallOptions = {}): Promise<Answer> {
  return (await (await call("GET", path, undefined, options)).json()) as Answer;
}

function eventsIn(text: string): { type: string; sequence_number: number; response?: Body; code?: string }[] {
  const lines = text.split("\n").filter((line) => line.startsWith("data: "));
  return lines.map((line) => JSON.parse(line.slice(6)) as { type: string; sequence_number: number });
}

describe("a response", () => {
  test("has the id that the edge chose, and can be had again as it was", async () => {
    const response = await call("POST", "", { model: "pocket", input: "hi" });
    const created = (await response.json()) as Body;
    expect(created.id).toBe(response.headers.get("x-request-id")?.replace("req_", "resp_"));
    expect(await get(`/${created.id}`)).toEqual(created);
  });

  test("that was streamed can be had as soon as its end was seen", async () => {
    const text = await (await call("POST", "", { model: "pocket", input: "hi", stream: true })).text();
    const last = eventsIn(text).at(-1);
    expect(last?.type).toBe("response.completed");
    expect(await get(`/${last?.response?.id}`)).toEqual(last?.response);
  });

  test.each([true, false])("is gone when it was deleted (streamed: %s)", async (stream) => {
    const response = await call("POST", "", { model: "pocket", input: "hi", stream });
    const text = await response.text();
    const id = response.headers.get("x-request-id")?.replace("req_", "resp_");
    expect(text).toContain(id);
    const deleted = await call("DELETE", `/${id}`);
    expect(await deleted.json()).toEqual({ id, object: "response", deleted: true });
    expect((await call("DELETE", `/${id}`)).status).toBe(404);
    expect((await call("GET", `/${id}`)).status).toBe(404);
    expect((await call("GET", `/${id}/input_items`)).status).toBe(404);
  });

  test("that is not to be stored is not", async () => {
    const { id } = await create({ store: false });
    expect((await call("GET", `/${id}`)).status).toBe(404);
  });

  test("is another's 404", async () => {
    const { id } = await create();
    const project = (await (await edge.organization("POST", "/projects", { name: "other" })).json()) as { id: string };
    const path = `/projects/${project.id}/api_keys`;
    const other = (await (await edge.organization("POST", path, { name: "x" })).json()) as { value: string };
    const sameProject = (await edge.createKey()).value;
    expect((await call("GET", `/${id}`, undefined, { as: other.value })).status).toBe(404);
    expect((await call("DELETE", `/${id}`, undefined, { as: other.value })).status).toBe(404);
    expect(await create({ previous_response_id: id }, { as: other.value })).toMatchObject({
      error: { code: "previous_response_not_found", param: "previous_response_id" },
    });
    expect((await call("GET", `/${id}`, undefined, { as: sameProject })).status).toBe(200);
  });

  test("that a region refused is not stored", async () => {
    region.behaviour = refuseWith(400);
    const response = await call("POST", "", { model: "pocket", input: "hi" });
    expect(response.status).toBe(400);
    const id = response.headers.get("x-request-id")?.replace("req_", "resp_");
    expect((await call("GET", `/${id}`)).status).toBe(404);
  });

  test("cannot be streamed again", async () => {
    const { id } = await create();
    expect(await get(`/${id}?stream=true`)).toMatchObject({ error: { param: "stream" } });
    expect(await get(`/${id}?colour=red`)).toMatchObject({ error: { code: "unknown_parameter", param: "colour" } });
  });

  test("costs no request of the limit to read", async () => {
    const { value } = await edge.createKey({ rpd: 1 });
    const { id } = await create({}, { as: value });
    for (let time = 0; time < 3; time += 1) expect((await get(`/${id}`, { as: value })).status).toBe("completed");
    expect((await call("POST", "", { model: "pocket", input: "hi" }, { as: value })).status).toBe(429);
  });
});

describe("a conversation", () => {
  test("goes on from a response: regions get all of it, without its instructions", async () => {
    region.behaviour = respondWith("one");
    const first = await create({ input: "first", instructions: "Be brief." });
    region.behaviour = respondWith("two");
    const second = await create({ input: [{ role: "user", content: "second" }], previous_response_id: first.id });
    region.behaviour = respondWith("three");
    await create({ input: "third", previous_response_id: second.id, stream: true }).catch(() => undefined);
    const asked = region.received.map(requestIn);
    expect(asked[0]?.input).toBe("first");
    expect(asked[1]).toMatchObject({
      previous_response_id: first.id,
      input: [
        { role: "user", content: [{ type: "input_text", text: "first" }] },
        { role: "assistant", content: [{ type: "output_text", text: "one" }] },
        { role: "user", content: [{ type: "input_text", text: "second" }] },
      ],
    });
    expect(asked[1]?.instructions).toBeUndefined();
    expect(asked[2]?.input).toHaveLength(5);
  });

  test("that is refused holds no place of the limit", async () => {
    const { value } = await edge.createKey({ concurrency: 1 });
    for (let time = 0; time < 3; time += 1) {
      const refused = await create({ previous_response_id: "resp_1" }, { as: value });
      expect(refused.error?.code).toBe("previous_response_not_found");
    }
    await vi.waitFor(async () => expect((await create({}, { as: value })).status).toBe("completed"));
  });

  test("survives the deletion of what it went on from", async () => {
    const first = await create({ input: "first" });
    const second = await create({ input: "second", previous_response_id: first.id });
    await call("DELETE", `/${first.id}`);
    await create({ input: "third", previous_response_id: second.id });
    expect(requestIn(region.received[2] as never).input).toHaveLength(5);
  });

  test("of what cannot be found, or has no end, is refused", async () => {
    const absent = `resp_${"0".repeat(32)}`;
    for (const previous_response_id of [absent, "resp_1", "x"]) {
      expect(await create({ previous_response_id })).toMatchObject({
        error: { code: "previous_response_not_found", param: "previous_response_id" },
      });
    }
    region.behaviour = dieMidResponse;
    const broken = await call("POST", "", { model: "pocket", input: "hi", stream: true });
    await broken.text();
    const id = broken.headers.get("x-request-id")?.replace("req_", "resp_") ?? "";
    await vi.waitFor(async () => expect((await get(`/${id}`)).status).toBe("failed"));
    expect(await create({ previous_response_id: id })).toMatchObject({
      error: { code: "invalid_value", param: "previous_response_id" },
    });
  });

  test("can name items that are kept instead of repeating them", async () => {
    const first = await create({ input: "first" });
    const { data } = await get<ItemList>(`/${first.id}/input_items`);
    const answer = `msg_${first.id.replace("resp_", "")}_0`;
    region.behaviour = respondWith("two");
    const input = [{ type: "item_reference", id: data[0]?.id }, { id: answer }, { role: "user", content: "second" }];
    expect((await create({ input })).status).toBe("completed");
    expect(requestIn(region.received[1] as never).input).toMatchObject([
      { role: "user", content: [{ text: "first" }] },
      { role: "assistant", content: [{ text: "hello" }] },
      { role: "user", content: [{ text: "second" }] },
    ]);
    const other = {
      input: [
        { role: "user", content: "x" },
        { type: "item_reference", id: "msg_1" },
      ],
    };
    expect(await create(other)).toMatchObject({ error: { code: "invalid_value", param: "input[1].id" } });
    const many = Array.from({ length: 33 }, (_, index) => ({ id: `msg_${"0".repeat(30)}${10 + index}_0` }));
    expect(await create({ input: many })).toMatchObject({ error: { code: "invalid_value", param: "input" } });
  });

  test("that has become too large is refused", async () => {
    const first = await create({ input: "x".repeat(15_000) });
    const response = await call("POST", "", {
      model: "pocket",
      input: "y".repeat(6_000),
      previous_response_id: first.id,
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { param: "previous_response_id" } });
  });

  test("lists its items, newest first or oldest first, page by page", async () => {
    const first = await create({ input: "first" });
    const input = Array.from({ length: 4 }, (_, index) => ({ role: "user", content: `item ${index}` }));
    const { id } = await create({ input, previous_response_id: first.id });
    const texts = ({ data }: ItemList) => data.map(({ content }) => content[0]?.text);
    const all = await get<ItemList>(`/${id}/input_items?order=asc`);
    expect(texts(all)).toEqual(["first", "hello", "item 0", "item 1", "item 2", "item 3"]);
    expect(new Set(all.data.map((item) => item.id)).size).toBe(6);
    expect([all.first_id, all.last_id, all.has_more]).toEqual([all.data[0]?.id, all.data[5]?.id, false]);
    const page = await get<ItemList>(`/${id}/input_items?limit=2`);
    expect([texts(page), page.has_more]).toEqual([["item 3", "item 2"], true]);
    const next = await get<ItemList>(`/${id}/input_items?limit=100&after=${page.last_id}`);
    expect([texts(next), next.has_more]).toEqual([["item 1", "item 0", "hello", "first"], false]);
    expect(await get(`/${id}/input_items?limit=0`)).toMatchObject({ error: { param: "limit" } });
    expect(await get(`/${id}/input_items?after=none`)).toMatchObject({ error: { param: "after" } });
  });
});

describe("endings", () => {
  test("a caller who leaves: the region hears of it, and the response is cancelled", async () => {
    region.behaviour = respondForever;
    const leaving = new AbortController();
    const response = await call("POST", "", { model: "pocket", input: "hi", stream: true }, { signal: leaving.signal });
    const id = response.headers.get("x-request-id")?.replace("req_", "resp_");
    await response.body?.getReader().read();
    leaving.abort();
    await vi.waitFor(async () => expect((await get(`/${id}`)).status).toBe("cancelled"), 5_000);
    await vi.waitFor(() => expect(region.numAbandoned).toBe(1), 5_000);
  });

  test("a region that dies: an error event that goes on counting, and a response that failed", async () => {
    region.behaviour = dieMidResponse;
    const text = await (await call("POST", "", { model: "pocket", input: "hi", stream: true })).text();
    const blocks = text.split("\n\n").filter((block) => block.trim() !== "");
    expect(blocks.at(-1)).toMatch(/^event: error\n/);
    const last = JSON.parse(blocks.at(-1)?.split("data: ")[1] ?? "") as object;
    expect(last).toMatchObject({ type: "error", code: "upstream_error", param: null, sequence_number: 2 });
    const id = eventsIn(blocks[0] ?? "")[0]?.response?.id;
    await vi.waitFor(async () =>
      expect(await get(`/${id}`)).toMatchObject({ status: "failed", error: { code: "server_error" }, output: [] }),
    );
  });

  test("a region that dies before an answer is whole: an error, and no response", async () => {
    region.behaviour = (response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
      response.write('{"id":', () => setTimeout(() => response.destroy(), 20));
    };
    const response = await call("POST", "", { model: "pocket", input: "hi" });
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "upstream_error" } });
    const id = response.headers.get("x-request-id")?.replace("req_", "resp_");
    expect((await call("GET", `/${id}`)).status).toBe(404);
  });

  test("with an idempotency key, a caller who leaves finds the response at its retry", async () => {
    const headers = { "idempotency-key": "once" };
    const params = { model: "pocket", input: "hi", stream: true };
    const leaving = new AbortController();
    const first = await call("POST", "", params, { signal: leaving.signal, headers });
    const id = first.headers.get("x-request-id")?.replace("req_", "resp_");
    leaving.abort();
    const second = eventsIn(await (await call("POST", "", params, { headers })).text());
    expect(second.at(-1)).toMatchObject({ type: "response.completed", response: { id } });
    expect((await get(`/${id}`)).status).toBe("completed");
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
  expect(await create(params)).toMatchObject({ error: { code, param } });
  expect(region.received).toHaveLength(0);
});

test("a method that is not there is refused, naming those that are", async () => {
  expect((await call("PUT", "/x", {})).headers.get("allow")).toBe("GET, DELETE");
  expect((await call("GET", "")).headers.get("allow")).toBe("POST");
});
