// Responses that go on from others, and the items that are kept of them.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { startDevWorker } from "./support/dev-worker.ts";
import { Edge } from "./support/edge.ts";
import type { MockRegion } from "./support/mock-region.ts";
import { ResponseCaller } from "./support/response-caller.ts";
import { dieMidResponse, requestIn, respondWith } from "./support/response-behaviours.ts";

interface ItemList {
  readonly data: readonly { readonly id: string; readonly content: readonly { readonly text: string }[] }[];
  readonly has_more: boolean;
  readonly first_id: string;
  readonly last_id: string;
}

let edge: Edge;
let region: MockRegion;
let responses: ResponseCaller;

beforeAll(async () => {
  edge = await Edge.start(startDevWorker, ["amsterdam"], { MAX_BODY_BYTES: "20000" });
  region = edge.region("amsterdam");
  responses = new ResponseCaller(edge, (await edge.createKey()).value);
});
afterAll(async () => edge.stop());
beforeEach(() => {
  region.received.length = 0;
  region.behaviour = respondWith("hello");
});

describe("a conversation", () => {
  test("goes on from a response: regions get all of it, without its instructions", async () => {
    region.behaviour = respondWith("one");
    const first = await responses.create({ input: "first", instructions: "Be brief." });
    region.behaviour = respondWith("two");
    const second = await responses.create({
      input: [{ role: "user", content: "second" }],
      previous_response_id: first.id,
    });
    region.behaviour = respondWith("three");
    await responses.create({ input: "third", previous_response_id: second.id, stream: true }).catch(() => undefined);
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
      const refused = await responses.create({ previous_response_id: "resp_1" }, { as: value });
      expect(refused.error?.code).toBe("previous_response_not_found");
    }
    await vi.waitFor(async () => expect((await responses.create({}, { as: value })).status).toBe("completed"), 10_000);
  });

  test("survives the deletion of what it went on from", async () => {
    const first = await responses.create({ input: "first" });
    const second = await responses.create({ input: "second", previous_response_id: first.id });
    await responses.call("DELETE", `/${first.id}`);
    await responses.create({ input: "third", previous_response_id: second.id });
    expect(requestIn(region.received[2] as never).input).toHaveLength(5);
  });

  test("of what cannot be found, or has no end, is refused", async () => {
    const absent = `resp_${"0".repeat(32)}`;
    for (const previous_response_id of [absent, "resp_1", "x"]) {
      expect(await responses.create({ previous_response_id })).toMatchObject({
        error: { code: "previous_response_not_found", param: "previous_response_id" },
      });
    }
    region.behaviour = dieMidResponse;
    const broken = await responses.call("POST", "", { model: "pocket", input: "hi", stream: true });
    await broken.text();
    const id = broken.headers.get("x-request-id")?.replace("req_", "resp_") ?? "";
    await vi.waitFor(async () => expect((await responses.get(`/${id}`)).status).toBe("failed"), 10_000);
    expect(await responses.create({ previous_response_id: id })).toMatchObject({
      error: { code: "invalid_value", param: "previous_response_id" },
    });
  });

  test("can name items that are kept instead of repeating them", async () => {
    const first = await responses.create({ input: "first" });
    const { data } = await responses.get<ItemList>(`/${first.id}/input_items`);
    const answer = `msg_${first.id.replace("resp_", "")}_0`;
    region.behaviour = respondWith("two");
    const input = [{ type: "item_reference", id: data[0]?.id }, { id: answer }, { role: "user", content: "second" }];
    expect((await responses.create({ input })).status).toBe("completed");
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
    expect(await responses.create(other)).toMatchObject({ error: { code: "invalid_value", param: "input[1].id" } });
    const many = Array.from({ length: 33 }, (_, index) => ({ id: `msg_${"0".repeat(30)}${10 + index}_0` }));
    expect(await responses.create({ input: many })).toMatchObject({ error: { code: "invalid_value", param: "input" } });
  });

  test("that has become too large is refused", async () => {
    const first = await responses.create({ input: "x".repeat(15_000) });
    const response = await responses.call("POST", "", {
      model: "pocket",
      input: "y".repeat(6_000),
      previous_response_id: first.id,
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { param: "previous_response_id" } });
  });

  test("lists its items, newest first or oldest first, page by page", async () => {
    const first = await responses.create({ input: "first" });
    const input = Array.from({ length: 4 }, (_, index) => ({ role: "user", content: `item ${index}` }));
    const { id } = await responses.create({ input, previous_response_id: first.id });
    const texts = ({ data }: ItemList) => data.map(({ content }) => content[0]?.text);
    const all = await responses.get<ItemList>(`/${id}/input_items?order=asc`);
    expect(texts(all)).toEqual(["first", "hello", "item 0", "item 1", "item 2", "item 3"]);
    expect(new Set(all.data.map((item) => item.id)).size).toBe(6);
    expect([all.first_id, all.last_id, all.has_more]).toEqual([all.data[0]?.id, all.data[5]?.id, false]);
    const page = await responses.get<ItemList>(`/${id}/input_items?limit=2`);
    expect([texts(page), page.has_more]).toEqual([["item 3", "item 2"], true]);
    const next = await responses.get<ItemList>(`/${id}/input_items?limit=100&after=${page.last_id}`);
    expect([texts(next), next.has_more]).toEqual([["item 1", "item 0", "hello", "first"], false]);
    expect(await responses.get(`/${id}/input_items?limit=0`)).toMatchObject({ error: { param: "limit" } });
    expect(await responses.get(`/${id}/input_items?after=none`)).toMatchObject({ error: { param: "after" } });
  });
});
