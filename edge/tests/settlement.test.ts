// Requests that end together are settled together, whichever way each of them ends.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { dieMidStream, refuseWith, streamForever, streamTokens } from "./support/behaviours.ts";
import { Edge } from "./support/edge.ts";
import { type HarnessWorker, startHarnessWorker } from "./support/harness-worker.ts";
import type { Behaviour, MockRegion, MockUsage } from "./support/mock-region.ts";

const numEach = 8;
const patience = { timeout: 25_000, interval: 200 };

let edge: Edge<HarnessWorker>;
let region: MockRegion;

beforeAll(async () => {
  // Long enough for all to end in one window on a loaded machine.
  edge = await Edge.start(startHarnessWorker, ["amsterdam"], { SETTLE_WINDOW_MS: "1000", RECEIPT_TIMEOUT_MS: "5000" });
  region = edge.region("amsterdam");
});
afterAll(async () => edge.stop());

interface EndingCase {
  readonly behaviour: Behaviour;
  readonly usage: MockUsage;
  readonly isLeft?: boolean;
  readonly status?: string;
  readonly tokens: number;
}

/** `max_tokens` -> what becomes of a request that asks for so many; it reserves as many more as its prompt takes. */
const endings: Readonly<Record<number, EndingCase>> = {
  1: { behaviour: streamTokens(3), usage: { promptTokens: 5, completionTokens: 1 }, status: "counted", tokens: 6 },
  2: {
    behaviour: streamForever,
    isLeft: true,
    usage: { promptTokens: 5, completionTokens: 2 },
    status: "counted",
    tokens: 7,
  },
  3: { behaviour: dieMidStream, usage: { promptTokens: 5, completionTokens: 3 }, status: "counted", tokens: 8 },
  4: { behaviour: dieMidStream, usage: "running", status: "pending", tokens: 5 + 4 },
  5: { behaviour: refuseWith(400), usage: "none", tokens: 0 },
};

test("every ending beside every other is charged as if it were alone, in fewer questions than there are requests", async () => {
  const { id, value } = await edge.createKey({ tokens_per_month: 1_000_000 });
  // request id -> its ending
  const byRequest = new Map<string, EndingCase>();
  region.behaviour = (response, request) => {
    const { max_tokens: name } = JSON.parse(request.body) as { max_tokens: number };
    const ending = endings[name];
    if (ending === undefined) throw new Error("an ending of no case");
    byRequest.set(request.passport?.rid ?? "", ending);
    ending.behaviour(response, request);
  };
  region.usageOf = (requestId) => byRequest.get(requestId)?.usage ?? "none";
  const cases = Object.entries(endings).flatMap((entry) => Array.from({ length: numEach }, () => entry));
  await Promise.all(
    cases.map(async ([maxTokens, { isLeft }]) => {
      const ask = { stream: true, prompt: Array(5).fill(1), max_tokens: Number(maxTokens) };
      const response = await edge.complete(value, ask);
      const reader = response.body?.getReader();
      await reader?.read();
      if (isLeft === true) return reader?.cancel();
      for (let isDone = false; !isDone;) isDone = (await reader?.read())?.done ?? true;
    }),
  );

  const usedTokens = cases.reduce((sum, [, { tokens }]) => sum + tokens, 0);
  await vi.waitFor(async () => {
    const told = await edge.complete(value, { prompt: "a", max_tokens: 2_000_000_000 });
    expect(told.headers.get("x-ratelimit-remaining-tokens")).toBe(String(1_000_000 - usedTokens));
  }, patience);
  const database = await edge.worker.database();
  await vi.waitFor(async () => {
    const { results } = await database.prepare(`SELECT request_id, status FROM usage WHERE key_id = '${id}'`).all();
    const rows = results as { readonly request_id: string; readonly status: string }[];
    const expected = [...byRequest].flatMap(([requestId, { status }]) => (status ? [`${requestId} ${status}`] : []));
    expect(rows.map(({ request_id, status }) => `${request_id} ${status}`).toSorted()).toEqual(expected.toSorted());
  }, patience);
  // Those that run on are asked for a second time, each alone.
  const shared = region.questions.filter(({ waitMs }) => waitMs < 1_000);
  expect(shared.length).toBeLessThan(cases.length / 2);
  expect(Math.max(...shared.map(({ requestIds }) => requestIds.length))).toBeGreaterThan(numEach);
});
