import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { dieMidStream, hang, refuseWith, resetConnection, streamTokens, tokenStream } from "./support/behaviours.ts";
import { startDevWorker } from "./support/dev-worker.ts";
import { Edge } from "./support/edge.ts";
import type { MockRegion } from "./support/mock-region.ts";

let edge: Edge;
let near: MockRegion;
let far: MockRegion;
let key: string;

beforeAll(async () => {
  edge = await Edge.start(startDevWorker, ["amsterdam", "tokyo"], { STREAM_START_TIMEOUT_MS: "1500" });
  near = edge.region("amsterdam");
  far = edge.region("tokyo");
  key = (await edge.createKey()).value;
});
afterAll(async () => edge.stop());

beforeEach(() => {
  near.received.length = 0;
  far.received.length = 0;
  far.behaviour = streamTokens(3);
});

/** Asks from next to the nearer region. */
async function ask(): Promise<Response> {
  return edge.complete(key, { stream: true }, { from: "berlin" });
}

test.each([302, 401, 429, 502, 503])(
  "a region that answers %i is passed over for the next, with the same body",
  async (status) => {
    near.behaviour = refuseWith(status);
    const response = await ask();
    expect(response.status).toBe(200);
    expect(response.headers.get("x-sluice-region")).toBe("tokyo");
    expect(await response.text()).toBe(tokenStream(3));
    expect(near.received).toHaveLength(1);
    expect(far.received).toHaveLength(1);
    expect(far.received[0]?.body).toBe(near.received[0]?.body);
    expect(far.received[0]?.passport?.rid).toBe(near.received[0]?.passport?.rid);
  },
);

test.each([400, 404, 500, 504])("an answer of %i is final: another region is not asked", async (status) => {
  near.behaviour = refuseWith(status);
  const response = await ask();
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ error: { message: "said the region" } });
  expect(far.received).toHaveLength(0);
});

test("a stream that has started is never repeated elsewhere", async () => {
  near.behaviour = dieMidStream;
  const text = await (await ask()).text();
  expect(text).toContain("upstream_error");
  expect(text).not.toContain("[DONE]");
  expect(far.received).toHaveLength(0);
});

test("a region whose stream died is passed over until it has answered again", async () => {
  near.behaviour = streamTokens(1);
  expect((await ask()).headers.get("x-sluice-region")).toBe("tokyo");
  far.behaviour = refuseWith(503);
  expect((await ask()).headers.get("x-sluice-region")).toBe("amsterdam");
  far.behaviour = streamTokens(1);
  expect((await ask()).headers.get("x-sluice-region")).toBe("amsterdam");
});

test("a region that says it is full is not asked again before the time it gave", async () => {
  near.behaviour = refuseWith(503, { "retry-after-ms": "1000" });
  expect((await ask()).headers.get("x-sluice-region")).toBe("tokyo");
  near.behaviour = streamTokens(1);
  near.received.length = 0;
  expect((await ask()).headers.get("x-sluice-region")).toBe("tokyo");
  expect(near.received).toHaveLength(0);
  await vi.waitFor(async () => expect((await ask()).headers.get("x-sluice-region")).toBe("amsterdam"), {
    timeout: 5_000,
    interval: 200,
  });
});

test("when all regions are full, the last one's own refusal is passed on with its time to come back", async () => {
  near.behaviour = refuseWith(503);
  far.behaviour = refuseWith(503, { "retry-after": "7" });
  const response = await ask();
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("7");
  expect(await response.json()).toMatchObject({ error: { message: "said the region" } });
});

test("when all regions are broken, the edge itself says when to come back", async () => {
  near.behaviour = refuseWith(502);
  far.behaviour = refuseWith(502);
  const response = await ask();
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("1");
  expect(await response.json()).toMatchObject({ error: { code: "unavailable" } });
});

// From here the nearer region becomes suspect, so the order of these tests matters.
test("a region that resets the connection is passed over, and the next request does not try it first", async () => {
  near.behaviour = resetConnection;
  expect((await ask()).headers.get("x-sluice-region")).toBe("tokyo");
  expect(near.received).toHaveLength(1);
  near.behaviour = streamTokens(1);
  expect((await ask()).headers.get("x-sluice-region")).toBe("tokyo");
  expect(near.received).toHaveLength(1);
});

test("a suspect region is asked after all when it is the only one that answers", async () => {
  near.behaviour = streamTokens(1);
  far.behaviour = refuseWith(503);
  expect((await ask()).headers.get("x-sluice-region")).toBe("amsterdam");
});

test("a region that accepts and says nothing is given up after the start timeout", async () => {
  far.behaviour = hang;
  near.behaviour = streamTokens(2);
  const response = await edge.complete(key, { stream: true }, { from: "tokyo" });
  expect(response.headers.get("x-sluice-region")).toBe("amsterdam");
});

test("a region that falls silent over an answer that is not streamed is given up for the next", async () => {
  far.behaviour = (response) => response.writeHead(200, { "content-type": "application/json" }).end("{}");
  near.behaviour = (response) => response.writeHead(200, { "content-type": "application/json" }).end("{}");
  await vi.waitFor(
    async () =>
      expect((await edge.complete(key, {}, { from: "berlin" })).headers.get("x-sluice-region")).toBe("amsterdam"),
    { timeout: 20_000, interval: 500 },
  );
  near.isFrozen = true;
  expect((await edge.complete(key, {}, { from: "berlin" })).headers.get("x-sluice-region")).toBe("tokyo");
  near.isFrozen = false;
});

test("when no region says how it is, that is said at once, also where an answer could take minutes", async () => {
  near.behaviour = streamTokens(1);
  const healthOf = async () => {
    const { data } = (await (await edge.organization("GET", "/regions")).json()) as { data: { health: string }[] };
    return data.map(({ health }) => health);
  };
  near.isFrozen = true;
  far.isFrozen = true;
  await vi.waitFor(async () => expect(await healthOf()).toEqual(["unreachable", "unreachable"]), { timeout: 20_000 });
  const response = await edge.complete(key, {}, { from: "berlin" });
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error: { code: "unavailable" } });
  near.isFrozen = false;
  far.isFrozen = false;
  expect((await edge.complete(key, {}, { from: "berlin" })).status).toBe(200);
});

test("a region that refuses connections is passed over", async () => {
  await near.stop();
  const response = await ask();
  expect(response.headers.get("x-sluice-region")).toBe("tokyo");
  expect(await response.text()).toBe(tokenStream(3));
});
