import { env } from "cloudflare:workers";
import { importPassportKey } from "@sluice/shared/passport.ts";
import {
  importReceiptKey,
  noReceipt,
  type ReceiptQuestion,
  type ReceiptKey,
  signReceipt,
  unendedReceipt,
} from "@sluice/shared/receipt.ts";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { testQuestion } from "#edge/auth/test-question.ts";
import { KeyGates } from "#edge/auth/key-gates.ts";
import type { Usage } from "#edge/rate-limit/usage.ts";
import type { EndedRequest } from "./settlement.ts";
import { maxBatch, Settler } from "./settler.ts";
import type { UsageEntry } from "./usage-entry.ts";
import { UsageOutbox } from "./usage-outbox.ts";

// Throwaway Ed25519 key, made for these tests alone.
const passportJwk = {
  kty: "OKP",
  crv: "Ed25519",
  d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
};
const near = { id: "near", url: "http://near.test", latitude: 0, longitude: 0, jurisdiction: "eu" };
const far = { ...near, id: "far", url: "http://far.test" };
/** Longer than any test. */
const foreverMs = 3_600_000;

let receiptKey: ReceiptKey;
let fetcher: ConstructorParameters<typeof Settler>[0]["fetcher"];
/** What is asked, in order. */
let questions: ReceiptQuestion[];
/** What a region says in the place of a receipt; by default one of 7 and 3 tokens. */
let said: Map<string, string>;
/** What is on its way to the ledger, by message. */
let messages: UsageEntry[][];
let nowMs: number;

beforeAll(async () => {
  receiptKey = await importReceiptKey("receipt-secret-of-the-tests-0123456789abcdef");
  fetcher = { passportKey: await importPassportKey(passportJwk), receiptKey, timeoutMs: 1_000, now: Date.now };
});

beforeEach(() => {
  questions = [];
  said = new Map();
  messages = [];
  nowMs = 0;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => answer(new Request(input).url, init));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function answer(url: string, init: RequestInit | undefined): Promise<Response> {
  const question = JSON.parse(new TextDecoder().decode(init?.body as Uint8Array)) as ReceiptQuestion;
  questions.push(question);
  const region = url.startsWith(far.url) ? far : near;
  const receipts = question.requestIds.map(async (requestId) => said.get(requestId) ?? receiptOf(requestId, region.id));
  return Response.json({ receipts: await Promise.all(receipts) });
}

async function receiptOf(requestId: string, region: string): Promise<string> {
  const counts = { promptTokens: 7, cachedTokens: 0, completionTokens: 3 };
  return signReceipt({ requestId, region, model: "pocket", finishReason: "stop", endedAtMs: 0, ...counts }, receiptKey);
}

function settlerWith(windowMs: number): Settler {
  const queue = {
    sendBatch: async (sent: Iterable<{ readonly body: UsageEntry }>) => {
      messages.push([...sent].map(({ body }) => body));
      return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } };
    },
  } as Partial<Queue<UsageEntry>> as Queue<UsageEntry>;
  const log = { info: () => undefined, error: () => undefined };
  const gates = new KeyGates(
    { homes: env.KEY_GATE, continents: env.CONTINENT_GATE, networks: { barredFrom: async () => [] } },
    5_000,
  );
  return new Settler({ gates, outbox: new UsageOutbox(queue, log), fetcher, windowMs, log, now: () => nowMs });
}

/** They begin before any of them ends. */
function endAll(settler: Settler, ended: readonly EndedRequest[]): Promise<Usage>[] {
  for (const _ of ended) settler.begin();
  return ended.map(async (one) => settler.end(one));
}

function endedRequest(requestId: string, fields: Partial<EndedRequest> = {}): EndedRequest {
  return {
    requestId,
    principal: { orgId: "org", projectId: "project", keyId: "key" },
    place: "elsewhere",
    model: "pocket",
    startedAtMs: 0,
    reservedTokens: 100,
    isLeased: false,
    asked: [{ region: near, answered: true }],
    ...fields,
  };
}

/** A key of 1,000 tokens a month, and those requests of 100 each under way. */
async function gateWith(keyId: string, requestIds: readonly string[]): Promise<() => Promise<number | undefined>> {
  const gate = env.KEY_GATE.getByName(keyId);
  const principal = { keyId, orgId: "org", projectId: "project" };
  const record = { ...principal, secretHash: "hash", status: "active", createdAtMs: 0 } as const;
  await gate.provision({ ...record, limits: { tokensPerMonth: 1_000 } });
  const admit = async (requestId: string, outputTokens: number) =>
    gate.admit(
      testQuestion({
        requestId,
        credential: { kind: "secret", keyId, secretHash: "hash" },
        demand: { promptTokens: 0, outputTokens },
      }),
    );
  for (const requestId of requestIds) expect((await admit(requestId, 100)).kind).toBe("admitted");
  return async () => {
    const told = await admit("req-too-large", 2_000);
    return told.kind === "limited" ? told.refusal.report.tokens?.remaining : undefined;
  };
}

test("those that end together are one question, one message, and each what it used", async () => {
  const keyId = "settled-together";
  const left = await gateWith(keyId, ["a", "b", "c"]);
  const principal = { orgId: "org", projectId: "project", keyId };
  said.set("b", noReceipt);
  const ended = ["a", "b", "c"].map((requestId) => endedRequest(requestId, { principal, isLeased: true }));
  const usages = await Promise.all(endAll(settlerWith(foreverMs), ended));
  expect(questions.map(({ requestIds }) => requestIds)).toEqual([["a", "b", "c"]]);
  expect(usages.map(({ totalTokens }) => totalTokens)).toEqual([10, 0, 10]);
  expect(messages.map((entries) => entries.map(({ requestId }) => requestId))).toEqual([["a", "c"]]);
  expect(await left()).toBe(980);
});

test("each region is asked for its own, and what an answer brought along is not asked for", async () => {
  const failedOver = endedRequest("a", {
    asked: [
      { region: far, answered: false, carriedReceipt: noReceipt },
      { region: near, answered: true },
    ],
  });
  const carriedReceipt = await receiptOf("b", near.id);
  const whole = endedRequest("b", { asked: [{ region: near, answered: true, carriedReceipt }] });
  const away = endedRequest("c", { asked: [{ region: far, answered: true }] });
  const usages = await Promise.all(endAll(settlerWith(foreverMs), [failedOver, whole, away]));
  expect(usages.map(({ totalTokens }) => totalTokens)).toEqual([10, 10, 10]);
  expect(questions.map(({ requestIds }) => requestIds)).toEqual([["a"], ["c"]]);
});

test("a receipt of another request, or of another region, is not believed", async () => {
  const receipts = [await receiptOf("other", near.id), await receiptOf("b", far.id)];
  const ended = receipts.map((carriedReceipt, index) =>
    endedRequest("ab"[index] ?? "", { asked: [{ region: near, answered: true, carriedReceipt }] }),
  );
  const usages = await Promise.all(endAll(settlerWith(foreverMs), ended));
  expect(usages.map(({ missing, totalTokens }) => [missing, totalTokens])).toEqual([
    [["near"], undefined],
    [["near"], undefined],
  ]);
});

test("one that its region has not ended holds up nobody, and is waited for alone", async () => {
  said.set("late", unendedReceipt);
  const settler = settlerWith(foreverMs);
  const [late, prompt] = endAll(settler, [endedRequest("late"), endedRequest("prompt")]);
  // Asked a second time, the region has ended it.
  const again = vi.waitUntil(() => questions.length === 2, 5_000);
  expect((await prompt)?.totalTokens).toBe(10);
  await again;
  expect(questions[1]?.requestIds).toEqual(["late"]);
  expect(questions[1]?.waitMs).toBeGreaterThan(questions[0]?.waitMs ?? Infinity);
  // Still at work: nobody can tell yet, and the ledger asks again.
  expect(await late).toMatchObject({ missing: ["near"], totalTokens: undefined });
});

test("a request that nobody else is under way with waits for nobody", async () => {
  const [usage] = endAll(settlerWith(foreverMs), [endedRequest("alone")]);
  expect((await usage)?.totalTokens).toBe(10);
});

test("a window ends by itself while others are under way", async () => {
  const settler = settlerWith(1);
  settler.begin();
  const usages = endAll(settler, [endedRequest("a"), endedRequest("b")]);
  expect((await Promise.all(usages)).map(({ totalTokens }) => totalTokens)).toEqual([10, 10]);
  expect(questions).toHaveLength(1);
});

test("a full batch waits for nobody", async () => {
  const settler = settlerWith(foreverMs);
  settler.begin();
  const ended = Array.from({ length: maxBatch }, (_, index) => endedRequest(`full-${index}`));
  await Promise.all(endAll(settler, ended));
  expect(questions.map(({ requestIds }) => requestIds.length)).toEqual([maxBatch]);
});

test("a batch whose opener is gone is closed by whoever comes after its time", async () => {
  const settler = settlerWith(foreverMs);
  settler.begin();
  const [first] = endAll(settler, [endedRequest("first")]);
  nowMs += foreverMs;
  const [second] = endAll(settler, [endedRequest("second")]);
  expect([(await first)?.totalTokens, (await second)?.totalTokens]).toEqual([10, 10]);
});

test("one whose batch comes to nothing settles itself", async () => {
  vi.useFakeTimers();
  vi.mocked(fetch).mockImplementationOnce(async () => new Promise(() => undefined));
  const settler = settlerWith(foreverMs);
  settler.begin();
  // It closes the batch, and its time is up.
  const [joined] = endAll(settler, [
    endedRequest("joined"),
    ...Array.from({ length: maxBatch - 1 }, (_, n) => endedRequest(`gone-${n}`)),
  ]);
  await vi.advanceTimersByTimeAsync(15_000);
  expect((await joined)?.totalTokens).toBe(10);
});

test("what a region cannot be asked for is charged as reserved, and marked", async () => {
  const keyId = "settled-unknown";
  const left = await gateWith(keyId, ["a", "b"]);
  const principal = { orgId: "org", projectId: "project", keyId };
  vi.mocked(fetch).mockImplementation(async () => new Response("gone", { status: 502 }));
  const ended = ["a", "b"].map((requestId) => endedRequest(requestId, { principal, isLeased: true }));
  await Promise.all(endAll(settlerWith(foreverMs), ended));
  expect(messages.flat()).toMatchObject([
    { requestId: "a", receipts: [], missing: ["near"], reservedTokens: 100 },
    { requestId: "b", receipts: [], missing: ["near"], reservedTokens: 100 },
  ]);
  expect(await left()).toBe(800);
});
