import { connect } from "node:net";
import { once } from "node:events";
import { status } from "@grpc/grpc-js";
import { FinishReason } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { passportHeader } from "@sluice/shared/passport.ts";
import { regionStatusSchema } from "@sluice/shared/region-status.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { imEnd, imStart } from "./fixtures/byte-tokenizer.ts";
import { answer, refuse, ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { passportFor, settled, TestRegion, until } from "./fixtures/test-region.ts";

const hello = { model: "tiny", messages: [{ role: "user", content: "hi" }] } as const;
/** The fixture's tokens of a text: it numbers its byte tokens by byte. */
const bytesOf = (text: string): number[] => [...Buffer.from(text)];

let engine: ScriptedEngine;
let region: TestRegion;

beforeEach(async () => {
  engine = new ScriptedEngine();
  await engine.start();
  region = await TestRegion.start([engine]);
});

afterEach(async () => {
  await region.stop();
  engine.kill();
});

/** The `data:` payloads of a stream, in order; `[DONE]` as it is. */
function eventsOf(stream: string): unknown[] {
  const lines = stream.split("\n\n").filter((event) => event.startsWith("data: "));
  return lines.map((line) => (line === "data: [DONE]" ? "[DONE]" : JSON.parse(line.slice(6))));
}

describe("answers", () => {
  test("a chat completion, whole", async () => {
    engine.script = (call) => answer(call, [bytesOf("hé"), bytesOf("llo")]);
    const { data, response } = await region.openai.chat.completions
      .create({ ...hello, messages: [...hello.messages], max_tokens: 20, seed: 7, temperature: 0.5, top_p: 0.9 })
      .withResponse();
    expect(data).toMatchObject({
      object: "chat.completion",
      model: "tiny",
      choices: [{ index: 0, message: { role: "assistant", content: "héllo", refusal: null }, finish_reason: "stop" }],
      usage: { completion_tokens: 7, prompt_tokens_details: { cached_tokens: 0 } },
    });
    expect(data.usage?.total_tokens).toBe((data.usage?.prompt_tokens ?? 0) + 7);
    expect(data.id).toBe(`chatcmpl-${response.headers.get("x-request-id")}`);
    expect(response.headers.get("openai-version")).toBe("2020-10-01");
    expect(Number(response.headers.get("openai-processing-ms"))).toBeGreaterThanOrEqual(0);
    const [request] = engine.requests;
    expect(request).toMatchObject({
      requestId: response.headers.get("x-request-id"),
      sampling: { temperature: 0.5, topK: 40, seed: 7 },
      stopping: { maxTokens: 20, stopTokenIds: [imEnd, 262] },
      priority: 0,
    });
    expect(request?.promptTokenIds[0]).toBe(imStart);
  });

  test("a chat stream: the role, text that never splits a character, the finish reason, usage, [DONE]", async () => {
    engine.script = (call) =>
      answer(
        call,
        bytesOf("h🦊!").map((id) => [id]),
        FinishReason.LENGTH,
      );
    const response = await region.post("/v1/chat/completions", {
      ...hello,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const events = eventsOf(await response.text()) as { choices: { delta: { content?: string } }[]; usage?: unknown }[];
    expect(events.at(-1)).toBe("[DONE]");
    expect(events.at(-2)).toMatchObject({ choices: [], usage: { completion_tokens: 6 } });
    expect(events.at(-3)).toMatchObject({ choices: [{ delta: {}, finish_reason: "length" }], usage: null });
    expect(events[0]).toMatchObject({ choices: [{ delta: { role: "assistant", content: "" }, finish_reason: null }] });
    const text = events.slice(1, -3).map((event) => event.choices[0]?.delta.content ?? "");
    expect(text.join("")).toBe("h🦊!");
    for (const piece of text) expect(piece).not.toContain("\uFFFD");
  });

  test("a stream without include_usage says nothing of usage", async () => {
    engine.script = (call) => answer(call, [bytesOf("a")]);
    const response = await region.post("/v1/chat/completions", { ...hello, stream: true });
    expect(await response.text()).not.toContain("usage");
  });

  test("a text completion, whole and streamed, from text and from tokens", async () => {
    engine.script = (call) => answer(call, [bytesOf("abc")], FinishReason.LENGTH);
    const whole = await region.openai.completions.create({ model: "tiny", prompt: "hell" });
    expect(whole).toMatchObject({
      object: "text_completion",
      choices: [{ text: "abc", index: 0, logprobs: null, finish_reason: "length" }],
      usage: { prompt_tokens: 1, completion_tokens: 3, total_tokens: 4 },
    });
    expect(engine.requests[0]).toMatchObject({ promptTokenIds: [258], stopping: { maxTokens: 16 } });
    const stream = await region.openai.completions.create({ model: "tiny", prompt: [1, 2], stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? "";
    expect(text).toBe("abc");
    expect(engine.requests[1]?.promptTokenIds).toEqual([1, 2]);
  });

  test("models, one model, status and health", async () => {
    const list = await region.openai.models.list();
    expect(list.data).toMatchObject([{ id: "tiny", object: "model", owned_by: "sluice" }]);
    expect((await region.openai.models.retrieve("tiny")).id).toBe("tiny");
    expect((await region.get("/v1/models/other")).status).toBe(404);
    engine.report({ numRunning: 2, numWaiting: 1, numQueuedTokens: 30 });
    await until(() => region.pool.load.numRunning === 2);
    const regionStatus = regionStatusSchema.parse(await (await region.get("/status")).json());
    expect(regionStatus).toEqual({
      region: "test",
      status: "ok",
      models: ["tiny"],
      numRunning: 2,
      numWaiting: 1,
      numQueuedTokens: 30,
    });
    const health = await fetch(`${region.url}/health`);
    expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
  });
});

describe("refusals", () => {
  test.each<[string, string, unknown, Record<string, string>, number, string]>([
    ["unknown address", "/v1/nothing", {}, {}, 404, "not_found"],
    ["wrong method", "/v1/models", {}, {}, 405, "method_not_allowed"],
    ["not JSON", "/v1/chat/completions", "{", {}, 400, "invalid_json"],
    ["nested too deeply", "/v1/chat/completions", `${"[".repeat(1000)}${"]".repeat(1000)}`, {}, 400, "invalid_json"],
    ["__proto__ inside", "/v1/chat/completions", '{"metadata":{"__proto__":{}}}', {}, 400, "invalid_json"],
    [
      "another content type",
      "/v1/chat/completions",
      hello,
      { "content-type": "text/plain" },
      415,
      "unsupported_media_type",
    ],
    ["too large", "/v1/chat/completions", "x".repeat(65 * 1024), {}, 413, "request_too_large"],
    ["another model", "/v1/chat/completions", { ...hello, model: "gpt" }, {}, 404, "model_not_found"],
    [
      "prompt too long",
      "/v1/completions",
      { model: "tiny", prompt: "x ".repeat(300) },
      {},
      400,
      "context_length_exceeded",
    ],
    [
      "output too long",
      "/v1/completions",
      { model: "tiny", prompt: "x", max_tokens: 256 },
      {},
      400,
      "context_length_exceeded",
    ],
    [
      "far too long",
      "/v1/completions",
      { model: "tiny", prompt: "x".repeat(60_000) },
      {},
      400,
      "context_length_exceeded",
    ],
    ["empty prompt", "/v1/completions", { model: "tiny", prompt: "" }, {}, 400, "invalid_value"],
    ["foreign tokens", "/v1/completions", { model: "tiny", prompt: [9999] }, {}, 400, "invalid_value"],
    [
      "both limits",
      "/v1/chat/completions",
      { ...hello, max_tokens: 1, max_completion_tokens: 1 },
      {},
      400,
      "invalid_value",
    ],
  ])("%s", async (_, route, payload, headers, httpStatus, code) => {
    const response = await region.post(route, payload, headers);
    const { error } = (await response.json()) as { error: Record<string, unknown> };
    expect([response.status, error["code"]]).toEqual([httpStatus, code]);
    expect(Object.keys(error).toSorted()).toEqual(["code", "message", "param", "type"]);
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
    expect(response.headers.get("allow")).toBe(httpStatus === 405 ? "GET" : null);
    expect(engine.requests).toHaveLength(0);
  });

  test("the context length is told in OpenAI's words, with numbers", async () => {
    const response = await region.post("/v1/completions", { model: "tiny", prompt: "hell", max_tokens: 256 });
    expect(await response.json()).toMatchObject({
      error: {
        message: expect.stringContaining(
          "maximum context length is 256 tokens. However, you requested 257 tokens (1 in the prompt, 256 in the completion)",
        ),
      },
    });
  });

  test("output without a limit takes what is left of the context", async () => {
    await region.post("/v1/chat/completions", hello);
    const [request] = engine.requests;
    expect(request?.stopping?.maxTokens).toBe(256 - (request?.promptTokenIds.length ?? 0));
  });

  test("a body that does not arrive is given up", async () => {
    const passport = await passportFor("{}");
    const socket = connect(Number(new URL(region.url).port), "127.0.0.1");
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${passportHeader}: ${passport}\r\ncontent-length: 2\r\n\r\n{`,
    );
    const [reply] = (await once(socket, "data")) as [Buffer];
    expect(reply.toString()).toMatch(/^HTTP\/1.1 408 /);
    await once(socket, "close");
  });
});

describe("passports", () => {
  const body = JSON.stringify(hello);

  test.each<[string, () => Promise<string>]>([
    ["none", async () => ""],
    ["nonsense", async () => "a.b.c"],
    ["for another region", () => passportFor(body, {}, "elsewhere")],
    ["for another body", () => passportFor("{}")],
    ["without a body hash", () => passportFor("")],
  ])("refused: %s", async (_, passport) => {
    const response = await region.post("/v1/chat/completions", body, { [passportHeader]: await passport() });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { code: "invalid_passport" } });
    expect(engine.requests).toHaveLength(0);
  });

  test("refused when shown twice", async () => {
    const passport = await passportFor(body);
    expect((await region.post("/v1/chat/completions", body, { [passportHeader]: passport })).status).toBe(200);
    expect((await region.post("/v1/chat/completions", body, { [passportHeader]: passport })).status).toBe(401);
    expect(engine.requests).toHaveLength(1);
  });

  test("needed everywhere but at /health", async () => {
    for (const route of ["/status", "/v1/models", "/v1/models/tiny", "/nothing"]) {
      expect((await fetch(region.url + route)).status).toBe(401);
    }
  });

  test("its priority reaches the engine", async () => {
    const passport = await passportFor(body, { priority: -3 });
    await region.post("/v1/chat/completions", body, { [passportHeader]: passport });
    expect(engine.requests[0]?.priority).toBe(-3);
  });
});

describe("endings", () => {
  test("a stop string ends the answer and frees the engine", async () => {
    engine.script = (call) => {
      for (const id of bytesOf("one two END three")) call.write({ tokenIds: [id] });
    };
    const response = await region.post("/v1/chat/completions", {
      ...hello,
      stop: ["END"],
      stream: true,
      stream_options: { include_usage: true },
    });
    const stream = await response.text();
    const events = eventsOf(stream) as { choices: { delta: { content?: string }; finish_reason: unknown }[] }[];
    expect(events.map((event) => event.choices?.[0]?.delta.content ?? "").join("")).toBe("one two ");
    expect(stream).toContain('"finish_reason":"stop"');
    expect(stream).toContain('"completion_tokens":11');
    await until(() => engine.numCancelled === 1);
  });

  test("a client that leaves a stream frees the engine", async () => {
    engine.script = (call) => call.write({ tokenIds: bytesOf("a") });
    const stream = await region.openai.chat.completions.create({
      ...hello,
      messages: [...hello.messages],
      stream: true,
    });
    for await (const _ of stream) break;
    await until(() => region.inFlight.size === 0);
    await until(() => engine.numCancelled > 0);
    expect(engine.numCancelled).toBe(1);
  });

  test("a client that leaves in silence, before the first token, frees the engine", async () => {
    engine.script = () => {};
    const controller = new AbortController();
    const body = JSON.stringify({ ...hello, stream: false });
    const leaving = fetch(`${region.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", [passportHeader]: await passportFor(body) },
      body,
      signal: controller.signal,
    });
    await until(() => engine.calls.length === 1);
    controller.abort();
    await expect(leaving).rejects.toThrow("aborted");
    await until(() => engine.numCancelled === 1 && region.inFlight.size === 0);
    expect(await region.registry.metrics()).toContain('sluice_ingress_requests_total{route="chat",status="499"} 1');
  });

  test("an engine's failure before the first token is an ordinary error", async () => {
    engine.script = (call) => refuse(call, status.INTERNAL, "secret detail");
    const response = await region.post("/v1/chat/completions", { ...hello, stream: true });
    const reply = await response.text();
    expect(response.status).toBe(500);
    expect(reply).not.toContain("secret detail");
  });

  test("a full engine is a 503 that says when to come back", async () => {
    engine.script = (call) => refuse(call, status.RESOURCE_EXHAUSTED);
    const response = await region.post("/v1/chat/completions", { ...hello, stream: true });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ error: { code: "overloaded" } });
  });

  test("an engine's failure in the middle is a last event, and no [DONE]", async () => {
    engine.script = (call) => {
      call.write({ tokenIds: bytesOf("a") });
      setTimeout(() => refuse(call, status.INTERNAL), 20);
    };
    const response = await region.post("/v1/chat/completions", { ...hello, stream: true });
    const events = eventsOf(await response.text());
    expect(response.status).toBe(200);
    expect(events.at(-1)).toMatchObject({ error: { code: "internal_error", type: "server_error" } });
  });

  test("silence is filled with pings, and the answer still comes", async () => {
    engine.script = (call) => void setTimeout(() => answer(call, [bytesOf("a")]), 1_300);
    const response = await region.post("/v1/chat/completions", { ...hello, stream: true });
    const stream = await response.text();
    expect(stream.startsWith(": ping\n\ndata: ")).toBe(true);
    expect(eventsOf(stream).at(-1)).toBe("[DONE]");
  });

  test("after a ping an error is an event", async () => {
    engine.script = (call) => void setTimeout(() => refuse(call, status.INTERNAL), 1_300);
    const response = await region.post("/v1/chat/completions", { ...hello, stream: true });
    expect(eventsOf(await response.text())).toMatchObject([{ error: { code: "internal_error" } }]);
  });
});

describe("limits", () => {
  test("a request past its time is ended, and the engine freed", async () => {
    const hurried = await TestRegion.start([engine], { requestTimeoutMs: 150 });
    engine.script = () => {};
    const response = await hurried.post("/v1/chat/completions", { ...hello, stream: true });
    expect(response.status).toBe(504);
    await until(() => engine.numCancelled === 1 && hurried.inFlight.size === 0);
    await hurried.stop();
  });

  test("a request past its time in the middle of a stream ends with an error event", async () => {
    const hurried = await TestRegion.start([engine], { requestTimeoutMs: 150 });
    engine.script = (call) => call.write({ tokenIds: bytesOf("a") });
    const response = await hurried.post("/v1/chat/completions", { ...hello, stream: true });
    expect(eventsOf(await response.text()).at(-1)).toMatchObject({ error: { code: "deadline_exceeded" } });
    await hurried.stop();
  });

  test("one request more than there is room for is refused", async () => {
    const small = await TestRegion.start([engine], { maxConcurrentRequests: 1 });
    engine.script = (call) => void setTimeout(() => answer(call, [bytesOf("a")]), 100);
    const first = small.post("/v1/chat/completions", hello);
    await until(() => small.inFlight.size === 1);
    expect((await small.post("/v1/chat/completions", hello)).status).toBe(503);
    expect((await first).status).toBe(200);
    expect((await small.post("/v1/chat/completions", hello)).status).toBe(200);
    await small.stop();
  });

  test("a client that does not read stops the engine's stream, and gets every token once it reads", async () => {
    const numTokens = 40_000; // Some 8 MB of events: more than the sockets between us hold.
    let numWritten = 0;
    engine.script = (call) => {
      const pump = (): void => {
        while (numWritten < numTokens) {
          numWritten++;
          if (!call.write({ tokenIds: bytesOf("x") })) {
            call.once("drain", pump);
            return;
          }
        }
        answer(call, [], FinishReason.LENGTH);
      };
      pump();
    };
    const body = JSON.stringify({ ...hello, stream: true, user: "slow" });
    const passport = await passportFor(body);
    const socket = connect(Number(new URL(region.url).port), "127.0.0.1");
    socket.pause();
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n${passportHeader}: ${passport}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const numBefore = await settled(() => numWritten);
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    expect(text.match(/x/g)?.length).toBeGreaterThanOrEqual(numTokens);
    expect(text).toContain("[DONE]");
    expect(numBefore).toBeLessThan(numTokens);
  });
});

describe("draining", () => {
  test("lets a stream finish, refuses new ones, and says so", async () => {
    engine.script = (call) => void setTimeout(() => answer(call, [bytesOf("done")]), 200);
    const running = region.post("/v1/chat/completions", { ...hello, stream: true });
    await until(() => engine.calls.length === 1);
    const drained = region.server.drain(5_000);
    const refused = await region.post("/v1/chat/completions", hello);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await (await region.get("/status")).json()).toMatchObject({ status: "draining" });
    expect((await fetch(`${region.url}/health`)).status).toBe(503);
    expect(await (await running).text()).toContain("[DONE]");
    await drained;
  });

  test("ends what outlives the grace with an error event", async () => {
    engine.script = (call) => call.write({ tokenIds: bytesOf("a") });
    const response = await region.post("/v1/chat/completions", { ...hello, stream: true });
    await region.server.drain(50);
    expect(eventsOf(await response.text()).at(-1)).toMatchObject({ error: { code: "unavailable" } });
  });
});
