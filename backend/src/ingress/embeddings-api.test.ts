// POST /v1/embeddings from outside, with a scripted engine behind it.
import { status } from "@grpc/grpc-js";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { assertOpenAi } from "./fixtures/openai-schema.ts";
import { embeddingSize, ScriptedEngine, scriptedEmbedding, statusOf } from "./fixtures/scripted-engine.ts";
import { TestRegion, until } from "./fixtures/test-region.ts";

interface ListBody {
  readonly data: readonly { readonly index: number; readonly embedding: unknown }[];
  readonly usage: unknown;
}

const route = "/v1/embeddings";
const maxModelLen = 256;
let engine: ScriptedEngine;
let region: TestRegion;

beforeAll(async () => {
  engine = new ScriptedEngine("tiny", maxModelLen);
  await engine.start();
  region = await TestRegion.start([engine]);
});
afterAll(async () => {
  await region.stop();
  engine.kill();
});
const { embedScript } = new ScriptedEngine();
beforeEach(() => {
  engine.embedScript = embedScript;
  engine.embedRequests.length = 0;
  engine.numCancelled = 0;
});

const ask = (fields: object): Promise<Response> => region.post(route, { model: "tiny", ...fields });
const asFloat32 = (numbers: readonly number[]): number[] => [...Float32Array.from(numbers)];

describe("answers", () => {
  test("are OpenAI's, for text and tokens, alone and in lists", async () => {
    const cases: [unknown, number[]][] = [
      ["abc", [3]],
      [["abc"], [3]],
      [
        ["a", "hell", "abcdef"],
        [1, 1, 6],
      ],
      [[1, 2, 3, 4], [4]],
      [
        [[1, 2], [3], "abc"],
        [2, 1, 3],
      ],
    ];
    for (const [input, lengths] of cases) {
      const response = await ask({ input, encoding_format: "float", user: "someone" });
      const body = (await response.json()) as ListBody;
      expect(response.status).toBe(200);
      assertOpenAi("CreateEmbeddingResponse", body);
      const total = lengths.reduce((sum, length) => sum + length);
      expect(body).toMatchObject({
        object: "list",
        model: "tiny",
        data: lengths.map((length, index) => ({
          object: "embedding",
          index,
          embedding: asFloat32(scriptedEmbedding(Array.from({ length }, () => 0))),
        })),
        usage: { prompt_tokens: total, total_tokens: total },
      });
    }
    const response = await ask({ input: "abc" });
    expect(response.headers.get("openai-model")).toBe("tiny");
    expect(response.headers.get("openai-version")).toBe("2020-10-01");
  });

  test("the openai client gets the same numbers, by base64 as it asks by default and as floats", async () => {
    // Numbers that no shorter float32 spells.
    const awkward = asFloat32([1 / 3, -0.1, Math.PI, 1e-30, 0, 123456.789, -1e-7, 0.7654321]);
    engine.embedScript = (_, callback) => callback(null, { embedding: awkward, promptTokens: 3, cachedTokens: 0 });
    const viaBase64 = await region.openai.embeddings.create({ model: "tiny", input: "abc" });
    const viaFloat = await region.openai.embeddings.create({ model: "tiny", input: "abc", encoding_format: "float" });
    expect(viaBase64.data[0]?.embedding).toEqual(awkward);
    expect(asFloat32(viaFloat.data[0]?.embedding ?? [])).toEqual(awkward);
  });

  test("base64 is little-endian float32", async () => {
    engine.embedScript = (_, callback) => callback(null, { embedding: [1, -2], promptTokens: 1, cachedTokens: 0 });
    const body = (await (await ask({ input: "a", encoding_format: "base64" })).json()) as ListBody;
    expect(Buffer.from(String(body.data[0]?.embedding), "base64").toString("hex")).toBe("0000803f000000c0");
  });

  test("the engine is told the dimensions, the caller and one id an input", async () => {
    const response = await ask({ input: ["a", "ab"], dimensions: 3 });
    const requestId = response.headers.get("x-request-id");
    const caller = { dimensions: 3, priority: 0, cacheSalt: "org", tenant: "org" };
    expect(engine.embedRequests).toEqual([
      { requestId: `${requestId}/0`, tokenIds: [97], ...caller },
      { requestId: `${requestId}/1`, tokenIds: [97, 98], ...caller },
    ]);
    expect(((await response.json()) as ListBody).data[1]?.embedding).toHaveLength(3);
  });

  test("2,048 inputs keep their order, with few at a time", async () => {
    let numOpen = 0;
    let mostOpen = 0;
    engine.embedScript = (call, callback) => {
      mostOpen = Math.max(mostOpen, ++numOpen);
      // Out of order: each waits for as many turns of the event loop as it likes.
      const later = (turns: number): void => {
        if (turns > 0) return void setImmediate(() => later(turns - 1));
        numOpen -= 1;
        embedScript(call, callback);
      };
      later((call.request.tokenIds.length * 7) % 5);
    };
    const lengths = Array.from({ length: 2048 }, (_, index) => 1 + (index % 9));
    const input = lengths.map((length) => Array.from({ length }, () => 1));
    const body = (await (await ask({ input, dimensions: 1 })).json()) as ListBody;
    expect(body.data.map(({ embedding }) => embedding)).toEqual(lengths.map((length) => [length / 256]));
    expect(body.usage).toEqual({ prompt_tokens: sum(lengths), total_tokens: sum(lengths) });
    expect(mostOpen).toBeLessThanOrEqual(32);
  });

  test("an input may fill the whole context", async () => {
    expect((await ask({ input: Array.from({ length: maxModelLen }, () => 1) })).status).toBe(200);
    expect((await ask({ input: "x".repeat(maxModelLen) })).status).toBe(200);
  });
});

const manyTokens = Array.from({ length: 1200 }, () => Array.from({ length: 251 }, () => 1));

test.each<[string, object, string, string]>([
  ["no input", {}, "missing_required_parameter", "input"],
  ["an empty text", { input: "" }, "invalid_value", "input"],
  ["an empty list", { input: [] }, "invalid_value", "input"],
  ["an empty text in a list", { input: ["a", ""] }, "invalid_value", "input[1]"],
  ["no tokens in a list", { input: [[1], []] }, "invalid_value", "input[1]"],
  ["a token that is no whole number", { input: [1.5] }, "invalid_value", "input"],
  ["a token below zero", { input: ["a", [-1]] }, "invalid_value", "input[1]"],
  ["a token of another vocabulary", { input: [9999] }, "invalid_value", "input"],
  ["a number beside a text", { input: ["a", 1] }, "invalid_value", "input[1]"],
  ["an object", { input: { text: "a" } }, "invalid_value", "input"],
  ["too many inputs", { input: Array.from({ length: 2049 }, () => "a") }, "invalid_value", "input"],
  ["too long a text", { input: ["a", "x".repeat(257)] }, "context_length_exceeded", "input[1]"],
  ["far too long a text", { input: "x".repeat(60_000) }, "context_length_exceeded", "input"],
  ["too many tokens", { input: Array.from({ length: 257 }, () => 1) }, "context_length_exceeded", "input"],
  ["more dimensions than there are", { input: "a", dimensions: embeddingSize + 1 }, "invalid_value", "dimensions"],
  ["no dimensions", { input: "a", dimensions: 0 }, "invalid_value", "dimensions"],
  ["another encoding", { input: "a", encoding_format: "int8" }, "invalid_value", "encoding_format"],
  ["an unknown field", { input: "a", truncate: "end" }, "unknown_parameter", "truncate"],
])("refuses %s, naming the parameter", async (_, fields, code, param) => {
  const response = await ask(fields);
  expect([response.status, await response.json()]).toMatchObject([400, { error: { code, param } }]);
  expect(engine.embedRequests).toHaveLength(0);
});

test("refuses more than 300,000 tokens together", async () => {
  const big = await TestRegion.start([engine], { maxBodyBytes: 2 ** 20 });
  const response = await big.post(route, { model: "tiny", input: manyTokens });
  expect([response.status, await response.json()]).toMatchObject([
    400,
    { error: { code: "invalid_value", param: "input", message: expect.stringContaining("300000") } },
  ]);
  expect(engine.embedRequests).toHaveLength(0);
  await big.stop();
});

test("refuses another model, and a method that is not POST", async () => {
  expect((await region.post(route, { model: "other", input: "a" })).status).toBe(404);
  const response = await region.get(route);
  expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
});

test("a model that gives no embeddings says so", async () => {
  const generator = new ScriptedEngine("tiny", maxModelLen, 0);
  await generator.start();
  const only = await TestRegion.start([generator]);
  const response = await only.post(route, { model: "tiny", input: "a" });
  expect(await response.json()).toMatchObject({ error: { code: "invalid_value", param: "model" } });
  await only.stop();
  generator.kill();
});

describe("endings", () => {
  test("a client that leaves cancels every input that is under way", async () => {
    engine.embedScript = () => {};
    const leaving = new AbortController();
    const answer = region.openai.embeddings.create(
      { model: "tiny", input: manyInputs(40) },
      { signal: leaving.signal },
    );
    const rejection = answer.catch((error: unknown) => error);
    await until(() => engine.embedRequests.length === 32);
    leaving.abort();
    expect(await rejection).toBeInstanceOf(OpenAI.APIUserAbortError);
    await until(() => engine.numCancelled === 32 && region.inFlight.size === 0);
    expect(engine.embedRequests).toHaveLength(32);
  });

  test("one input that fails fails the request and cancels the others", async () => {
    engine.embedScript = (call, callback) => {
      if (call.request.requestId.endsWith("/5")) callback(statusOf(status.INTERNAL));
    };
    const response = await ask({ input: manyInputs(12) });
    expect([response.status, await response.json()]).toMatchObject([500, { error: { code: "internal_error" } }]);
    await until(() => engine.numCancelled === 11);
  });

  test("a full engine is a 503 that says when to come back", async () => {
    engine.embedScript = (_, callback) =>
      callback(statusOf(status.RESOURCE_EXHAUSTED, "full", { "sluice-retry-after-ms": "2500" }));
    const response = await ask({ input: ["a", "b"] });
    expect([response.status, response.headers.get("retry-after-ms")]).toEqual([503, "2500"]);
  });

  test("inputs that find the engine full later wait for their turn", async () => {
    const refused = new Set<string>();
    engine.embedScript = (call, callback) => {
      const { requestId } = call.request;
      if (Number(requestId.split("/")[1]) < 32 || refused.has(requestId)) return embedScript(call, callback);
      refused.add(requestId);
      callback(statusOf(status.RESOURCE_EXHAUSTED, "full", { "sluice-retry-after-ms": "1" }));
    };
    const body = (await (await ask({ input: manyInputs(40) })).json()) as ListBody;
    expect(body.data).toHaveLength(40);
    expect(refused.size).toBe(8);
  });

  test("a deadline is a 504, and cancels what is under way", async () => {
    const hasty = await TestRegion.start([engine], { limits: { requestTimeoutMs: 50 } });
    engine.embedScript = () => {};
    const response = await hasty.post(route, { model: "tiny", input: ["a", "b"] });
    expect([response.status, await response.json()]).toMatchObject([504, { error: { code: "deadline_exceeded" } }]);
    await until(() => engine.numCancelled === 2);
    await hasty.stop();
  });

  test("an engine that is lost hands its inputs to another", async () => {
    const [first, second] = [new ScriptedEngine("tiny", maxModelLen), new ScriptedEngine("tiny", maxModelLen)];
    await Promise.all([first.start(), second.start()]);
    const pair = await TestRegion.start([first, second]);
    let victim: ScriptedEngine | undefined;
    for (const one of [first, second]) {
      one.embedScript = (call, callback) => {
        victim ??= one;
        if (victim !== one) embedScript(call, callback);
        else if (one.embedRequests.length === 1) setImmediate(() => one.kill());
      };
    }
    const response = await pair.post(route, { model: "tiny", input: manyInputs(6) });
    expect(((await response.json()) as ListBody).data).toHaveLength(6);
    expect(victim?.embedRequests.length).toBeGreaterThan(0);
    await pair.stop();
    for (const one of [first, second]) one.kill();
  });
});

const manyInputs = (count: number): string[] => Array.from({ length: count }, (_, index) => `text ${index}`);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
