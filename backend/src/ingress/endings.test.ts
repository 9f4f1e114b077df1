import { connect, type Socket } from "node:net";
import { status } from "@grpc/grpc-js";
import { FinishReason } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { passportHeader } from "@sluice/shared/passport.ts";
import { describe, expect, test } from "vitest";
import { regionEachTest } from "./fixtures/region-each-test.ts";
import { answer, refuse, type ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { passportFor, settled, TestRegion, until } from "./fixtures/test-region.ts";
import { bytesOf, eventsOf, hello } from "./fixtures/wire.ts";

let engine: ScriptedEngine;
let region: TestRegion;

regionEachTest((...started) => {
  [engine, region] = started;
});

describe("endings", () => {
  test("a stop string ends the answer and frees the engine", async () => {
    engine.script = (call) => {
      call.write({ tokenIds: [], cachedTokens: 16 });
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
    expect(stream).toContain('"prompt_tokens_details":{"cached_tokens":16}');
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
    expect(await response.json()).toMatchObject({ error: { code: "server_is_overloaded" } });
  });

  test.each([
    ["2345", "3", "2345"],
    ["soon", "1", "1000"],
  ])("an engine that says %s is believed as far as that is a time", async (said, seconds, ms) => {
    engine.script = (call) => refuse(call, status.RESOURCE_EXHAUSTED, "full", { "sluice-retry-after-ms": said });
    const { headers } = await region.post("/v1/chat/completions", hello);
    expect([headers.get("retry-after"), headers.get("retry-after-ms")]).toEqual([seconds, ms]);
  });

  test("an engine that is full of the caller's own requests is a 429 that says when to come back", async () => {
    const trailers = { "sluice-error-code": "rate_limit_exceeded", "sluice-retry-after-ms": "2500" };
    engine.script = (call) => refuse(call, status.RESOURCE_EXHAUSTED, "over its share", trailers);
    for (const stream of [true, false]) {
      const response = await region.post("/v1/chat/completions", { ...hello, stream });
      expect(response.status).toBe(429);
      expect([response.headers.get("retry-after"), response.headers.get("retry-after-ms")]).toEqual(["3", "2500"]);
      expect(await response.json()).toMatchObject({ error: { code: "rate_limit_exceeded", type: "requests" } });
    }
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
    const hurried = await TestRegion.start([engine], { limits: { requestTimeoutMs: 150 } });
    engine.script = () => {};
    const response = await hurried.post("/v1/chat/completions", { ...hello, stream: true });
    expect(response.status).toBe(504);
    await until(() => engine.numCancelled === 1 && hurried.inFlight.size === 0);
    await hurried.stop();
  });

  test("a request past its time in the middle of a stream ends with an error event", async () => {
    const hurried = await TestRegion.start([engine], { limits: { requestTimeoutMs: 150 } });
    engine.script = (call) => call.write({ tokenIds: bytesOf("a") });
    const response = await hurried.post("/v1/chat/completions", { ...hello, stream: true });
    expect(eventsOf(await response.text()).at(-1)).toMatchObject({ error: { code: "deadline_exceeded" } });
    await hurried.stop();
  });

  test("one request more than there is room for is refused", async () => {
    const small = await TestRegion.start([engine], { limits: { maxConcurrentRequests: 1 } });
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
    const socket = await connectWithoutReading(region);
    const numBefore = await settled(() => numWritten);
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    expect(text.match(/x/g)?.length).toBeGreaterThanOrEqual(numTokens);
    expect(text).toContain("[DONE]");
    expect(numBefore).toBeLessThan(numTokens);
  });

  test("a client that does not read makes room when its time is up", async () => {
    let numWritten = 0;
    engine.script = (call) => {
      const pump = (): void => {
        do numWritten += 1;
        while (call.write({ tokenIds: bytesOf("x".repeat(1_000)) }));
        call.once("drain", pump);
      };
      pump();
    };
    const impatient = await TestRegion.start([engine], { limits: { requestTimeoutMs: 6_000 } });
    const socket = await connectWithoutReading(impatient);
    await settled(() => numWritten);
    expect(impatient.inFlight.size).toBe(1);
    await until(() => impatient.inFlight.size === 0, 20_000);
    await until(() => engine.numCancelled === 1);
    socket.destroy();
    await impatient.stop();
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

/** Asks for a stream of which nothing is read before the socket is. */
async function connectWithoutReading(from: TestRegion): Promise<Socket> {
  const body = JSON.stringify({ ...hello, stream: true, user: "slow" });
  const passport = await passportFor(body);
  const socket = connect(Number(new URL(from.url).port), "127.0.0.1");
  socket.pause();
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n${passportHeader}: ${passport}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}
