import { status } from "@grpc/grpc-js";
import { FinishReason } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { type PassportClaims, passportHeader } from "@sluice/shared/passport.ts";
import { type Receipt, verifyReceipt } from "@sluice/shared/receipt.ts";
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

async function receiptOf(rid: string): Promise<{ readonly status: number; readonly receipt: Receipt | undefined }> {
  const response = await region.get(`/receipts/${rid}`);
  return { status: response.status, receipt: await verifyReceipt(await response.text(), receiptKey) };
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
      const { receipt } = await receiptOf(rid);
      const promptTokens = engine.requests[0]?.promptTokenIds.length;
      expect(receipt).toMatchObject({ requestId: rid, region: "test", model: "tiny", engine: engine.address });
      expect(receipt).toMatchObject({ promptTokens, cachedTokens: 2, completionTokens, finishReason: said });
    },
  );

  test("embeddings have one: prompts are all that they use", async () => {
    const { rid, response } = await ask({ model: "tiny", input: ["ab", "abc"] }, {}, undefined, "/v1/embeddings");
    await (await response).text();
    const { receipt } = await receiptOf(rid);
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
    const { receipt } = await receiptOf(rid);
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
    expect((await asked).receipt).toMatchObject({ completionTokens: 5, finishReason: "cancelled" });
  });

  test("a failure in mid-stream is told of by what was computed", async () => {
    engine.script = (call) => {
      call.write({ tokenIds: bytesOf("ab") });
      setTimeout(() => refuse(call, status.INTERNAL), 20);
    };
    const { rid, response } = await ask({ stream: true });
    await (await response).text();
    expect((await receiptOf(rid)).receipt).toMatchObject({ completionTokens: 2, finishReason: "error" });
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
    await response;
    expect((await receiptOf(rid)).status).toBe(404);
  });

  test("a request that goes on and on is said to be running", async () => {
    engine.script = (call) => call.write({ tokenIds: bytesOf("a") });
    const { rid, response } = await ask({ stream: true });
    await response;
    expect((await receiptOf(rid)).status).toBe(202);
  });

  test("without a passport there is nothing to see", async () => {
    expect((await fetch(`${region.url}/receipts/req_1`)).status).toBe(401);
  });
});

describe("reservations", () => {
  test("a request that needs more than was reserved computes nothing and says what it needs", async () => {
    const { rid, response } = await ask({ max_tokens: 10 }, { reservedTokens: 20 });
    const refused = await response;
    const needed = Number(refused.headers.get("x-sluice-needed-tokens"));
    expect([refused.status, needed > 20, engine.requests.length]).toEqual([412, true, 0]);
    expect((await receiptOf(rid)).status).toBe(404);

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
