import { status } from "@grpc/grpc-js";
import { FinishReason } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { type PassportClaims, passportHeader } from "@sluice/shared/passport.ts";
import { noReceipt, type Receipt, receiptHeader, unendedReceipt, verifyReceipt } from "@sluice/shared/receipt.ts";
import { describe, expect, test } from "vitest";
import { regionEachTest } from "./fixtures/region-each-test.ts";
import { answer, refuse, type ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { passportFor, receiptKey, type TestRegion } from "./fixtures/test-region.ts";
import { bytesOf, hello } from "./fixtures/wire.ts";

let engine: ScriptedEngine;
let region: TestRegion;

regionEachTest((...started) => {
  [engine, region] = started;
});

let numAsked = 0;

/** Asks under a request id of its own. */
async function ask(
  payload: object,
  claims: Partial<PassportClaims> = {},
  signal?: AbortSignal,
  path = "/v1/chat/completions",
) {
  const rid = `req_receipt_${++numAsked}`;
  const body = JSON.stringify(path === "/v1/chat/completions" ? { ...hello, ...payload } : payload);
  const headers = {
    "content-type": "application/json",
    [passportHeader]: await passportFor(body, { rid, ...claims }),
  };
  const response = fetch(`${region.url}${path}`, {
    method: "POST",
    headers,
    body,
    signal: signal ?? null,
  });
  response.catch(() => {});
  return { rid, response };
}

/** Puts one question, and waits as long as a region does. */
async function put(question: object): Promise<Response> {
  const body = JSON.stringify(question);
  const headers = { "content-type": "application/json", [passportHeader]: await passportFor(body) };
  return fetch(`${region.url}/receipts`, { method: "POST", headers, body });
}

async function said(requestIds: readonly string[], waitMs = 60_000): Promise<readonly string[]> {
  const response = await put({ requestIds, waitMs });
  expect(response.status).toBe(200);
  return ((await response.json()) as { readonly receipts: readonly string[] }).receipts;
}

async function receiptOf(rid: string): Promise<Receipt | undefined> {
  const [signed = ""] = await said([rid]);
  return verifyReceipt(signed, receiptKey);
}

/** What stands in the head of an answer. */
async function headed(response: Promise<Response>): Promise<Receipt | undefined> {
  return verifyReceipt((await response).headers.get(receiptHeader) ?? "", receiptKey);
}

describe("receipts", () => {
  test.each([
    { stream: true, reason: FinishReason.STOP, said: "stop", completionTokens: 4 },
    { stream: false, reason: FinishReason.LENGTH, said: "length", completionTokens: 3 },
  ])(
    "a complete answer has one with the engine's own count: %o",
    async ({ stream, reason, said, completionTokens }) => {
      engine.script = (call) => answer(call, [bytesOf("abc")], reason, 2);
      const { rid, response } = await ask({ stream });
      await (await response).text();
      const receipt = await receiptOf(rid);
      const promptTokens = engine.requests[0]?.promptTokenIds.length;
      expect(receipt).toMatchObject({ requestId: rid, region: "test", model: "tiny", engine: engine.address });
      expect(receipt).toMatchObject({ promptTokens, cachedTokens: 2, completionTokens, finishReason: said });
    },
  );

  test("embeddings have one: prompts are all that they use", async () => {
    const { rid, response } = await ask({ model: "tiny", input: ["ab", "abc"] }, {}, undefined, "/v1/embeddings");
    await (await response).text();
    const receipt = await receiptOf(rid);
    const promptTokens = engine.embedRequests.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
    expect(receipt).toMatchObject({ promptTokens, completionTokens: 0, finishReason: "stop" });
  });

  test("embeddings that fail are told of by what was computed before", async () => {
    const whole = engine.embedScript;
    engine.embedScript = (call, callback) => {
      if (call.request.tokenIds.length > 2) setTimeout(() => callback({ code: status.INTERNAL }), 50);
      else whole(call, callback);
    };
    const inputs = ["a", ...Array.from({ length: 40 }, () => "abcdef")];
    const { rid, response } = await ask({ model: "tiny", input: inputs }, {}, undefined, "/v1/embeddings");
    expect((await response).status).toBe(500);
    const receipt = await receiptOf(rid);
    expect(await headed(response)).toEqual({ ...receipt, endedAtMs: expect.any(Number) });
    expect(receipt).toMatchObject({ completionTokens: 0, finishReason: "error" });
    expect(receipt?.promptTokens).toBe(1);
  });

  test("a client who leaves in mid-stream is told of by what was computed, and the question waits for the end", async () => {
    engine.script = (call) => call.write({ tokenIds: bytesOf("abcde") });
    const leaving = new AbortController();
    const { rid, response } = await ask({ stream: true }, {}, leaving.signal);
    await (await response).body?.getReader().read();
    const asked = receiptOf(rid);
    leaving.abort();
    expect(await asked).toMatchObject({ completionTokens: 5, finishReason: "cancelled" });
  });

  test("a failure in mid-stream is told of by what was computed", async () => {
    engine.script = (call) => {
      call.write({ tokenIds: bytesOf("ab") });
      setTimeout(() => refuse(call, status.INTERNAL), 20);
    };
    const { rid, response } = await ask({ stream: true });
    await (await response).text();
    expect(await receiptOf(rid)).toMatchObject({ completionTokens: 2, finishReason: "error" });
  });

  test.each([
    {
      why: "no engine took it",
      script: (call: Parameters<ScriptedEngine["script"]>[0]) => refuse(call, status.RESOURCE_EXHAUSTED),
      payload: {},
    },
    { why: "it was refused", script: () => {}, payload: { temperature: 9 } },
  ])("there is none when nothing was computed: $why", async ({ script, payload }) => {
    engine.script = script;
    const { rid, response } = await ask(payload);
    expect((await response).headers.get(receiptHeader)).toBe(noReceipt);
    expect(await said([rid])).toEqual([noReceipt]);
  });

  test("a request that goes on and on is said to be running", async () => {
    engine.script = (call) => call.write({ tokenIds: bytesOf("a") });
    const { rid, response } = await ask({ stream: true });
    await response;
    expect(await said([rid])).toEqual([unendedReceipt]);
  });

  test("a whole answer has it in its head, a stream has not", async () => {
    engine.script = (call) => answer(call, [bytesOf("abc")]);
    const whole = await ask({});
    expect(await headed(whole.response)).toMatchObject({ requestId: whole.rid, completionTokens: 4 });
    const streamed = await ask({ stream: true });
    expect((await streamed.response).headers.has(receiptHeader)).toBe(false);
  });

  test("many are told in one answer, in the order of the question; one that runs holds the others up no longer than asked", async () => {
    engine.script = (call) => call.write({ tokenIds: bytesOf("a") });
    const running = await ask({ stream: true });
    await running.response;
    engine.script = (call) => answer(call, [bytesOf("abc")]);
    const ended = [await ask({}), await ask({})];
    for (const { response } of ended) await response;
    const [first = "", ...others] = ended.map(({ rid }) => rid);
    const told = await said(["req_nobody", first, running.rid, ...others], 0);
    const receipts = await Promise.all(told.map(async (signed) => verifyReceipt(signed, receiptKey)));
    expect([told[0], told[2]]).toEqual([noReceipt, unendedReceipt]);
    expect([receipts[1]?.requestId, receipts[3]?.requestId]).toEqual([first, ...others]);
  });

  test.each([
    [{ requestIds: [], waitMs: 0 }, "requestIds"],
    [{ requestIds: Array.from({ length: 101 }, () => "a"), waitMs: 0 }, "requestIds"],
    [{ requestIds: ["a"] }, "waitMs"],
  ])("what is no question is refused: %o", async (question, param) => {
    const refused = await put(question);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { param } });
  });

  test("without a passport there is nothing to see", async () => {
    expect((await fetch(`${region.url}/receipts`, { method: "POST", body: "{}" })).status).toBe(401);
  });
});

describe("reservations", () => {
  test("a request that needs more than was reserved computes nothing and says what it needs", async () => {
    const { rid, response } = await ask({ max_tokens: 10 }, { reservedTokens: 20 });
    const refused = await response;
    const needed = Number(refused.headers.get("x-sluice-needed-tokens"));
    expect([refused.status, needed > 20, engine.requests.length]).toEqual([412, true, 0]);
    expect(await said([rid])).toEqual([noReceipt]);

    engine.script = (call) => answer(call, [bytesOf("abc")]);
    const again = await ask({ max_tokens: 10 }, { rid, reservedTokens: needed });
    expect((await again.response).status).toBe(200);
    expect(engine.requests[0]?.stopping?.maxTokens).toBe(10);
    const replayed = await ask({ max_tokens: 10 }, { rid, reservedTokens: needed });
    expect((await replayed.response).status).toBe(401);
  });

  test("a request that does not say how much it wants gets what was reserved", async () => {
    engine.script = (call) => answer(call, [bytesOf("abc")]);
    const { response } = await ask({ n: 2 }, { reservedTokens: 220 });
    await response;
    const [sent] = engine.requests;
    const promptTokens = sent?.promptTokenIds.length ?? 0;
    expect(sent?.stopping?.maxTokens).toBe(Math.floor((220 - promptTokens) / 2));
  });
});

test.each([
  { asked: "auto", served: "default" },
  { asked: "flex", served: "flex" },
])("an answer to a request that asked for the tier $asked says that it was $served", async ({ asked, served }) => {
  engine.script = (call) => answer(call, [bytesOf("a")]);
  const whole = await (await (await ask({ service_tier: asked })).response).json();
  expect(whole).toMatchObject({ service_tier: served });
  const streamed = await (await (await ask({ service_tier: asked, stream: true })).response).text();
  expect(streamed).toContain(`"service_tier":"${served}"`);
  expect(await (await (await ask({})).response).json()).not.toHaveProperty("service_tier");
});
