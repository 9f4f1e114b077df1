import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { startHarnessWorker } from "./support/harness-worker.ts";
import { Edge, type Place } from "./support/edge.ts";

let edge: Edge;
let key: string;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["washington", "amsterdam", "tokyo"]);
  key = (await edge.createKey()).value;
});
afterAll(async () => edge.stop());

beforeEach(() => {
  for (const place of ["washington", "amsterdam", "tokyo"] as const) {
    edge.region(place).status = "ok";
    edge.region(place).models = ["pocket"];
  }
});

async function regionFor(from?: Place, model = "pocket"): Promise<string | null> {
  const response = await edge.complete(key, { model }, from === undefined ? {} : { from });
  return response.headers.get("x-sluice-region");
}

test.each([
  { from: "berlin", nearest: "amsterdam" },
  { from: "newyork", nearest: "washington" },
  { from: "sydney", nearest: "tokyo" },
] as const)("a caller in $from is answered by $nearest", async ({ from, nearest }) => {
  expect(await regionFor(from)).toBe(nearest);
});

test("a caller of whom Cloudflare knows no place is answered by the first region of the configuration", async () => {
  expect(await regionFor()).toBe("washington");
});

test.each(["draining", "down"] as const)(
  "a region that says it is %s gets no requests until it is ok again",
  async (status) => {
    edge.region("amsterdam").status = status;
    await vi.waitFor(async () => expect(await regionFor("berlin")).toBe("washington"), {
      timeout: 10_000,
      interval: 200,
    });
    edge.region("amsterdam").status = "ok";
    await vi.waitFor(async () => expect(await regionFor("berlin")).toBe("amsterdam"), {
      timeout: 10_000,
      interval: 200,
    });
  },
);

test("a model leads to the nearest region that serves it, and one that none serves does not exist", async () => {
  edge.region("tokyo").models = ["pocket", "rare"];
  await vi.waitFor(async () => expect(await regionFor("berlin", "rare")).toBe("tokyo"), {
    timeout: 10_000,
    interval: 200,
  });
  const response = await edge.complete(key, { model: "no-such-model" });
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ error: { code: "model_not_found", param: "model" } });
});

test("health names every region and what is believed of it", async () => {
  edge.region("tokyo").status = "draining";
  await vi.waitFor(
    async () => {
      expect(await (await edge.fetch("/health")).json()).toEqual({
        status: "ok",
        regions: [
          { id: "washington", health: "ok" },
          { id: "amsterdam", health: "ok" },
          { id: "tokyo", health: "draining" },
        ],
      });
    },
    { timeout: 10_000, interval: 200 },
  );
});

test("a request never leaves its key's jurisdictions: it goes far instead, or nowhere", async () => {
  const bound = (await edge.createKey({ jurisdictions: ["tokyo"] })).value;
  const ask = async () => edge.complete(bound, {}, { from: "berlin" });
  const patience = { timeout: 10_000, interval: 200 };
  await vi.waitFor(async () => expect((await ask()).headers.get("x-sluice-region")).toBe("tokyo"), patience);
  edge.region("tokyo").models = ["other"];
  await vi.waitFor(async () => {
    const response = await ask();
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { code: "permission_denied" } });
  }, patience);
  const elsewhere = ["washington", "amsterdam"] as const;
  const received = elsewhere.flatMap((place) => edge.region(place).received);
  expect(received.filter(({ passport }) => passport?.key === bound.split("-")[2])).toEqual([]);
});

test("a reply says why its region was chosen, if its key asks for that", async () => {
  const curious = (await edge.createKey({ explain_routing: true })).value;
  await vi.waitFor(
    async () => {
      const response = await edge.complete(curious, {}, { from: "berlin" });
      const explained = JSON.parse(response.headers.get("x-sluice-routing") ?? "[]") as unknown[];
      expect(explained).toHaveLength(3);
      expect(explained[0]).toMatchObject({ region: "amsterdam", distance_km: 576, queue_delay_ms: 0 });
    },
    { timeout: 10_000, interval: 200 },
  );
  expect((await edge.complete(key, {})).headers.has("x-sluice-routing")).toBe(false);
});
