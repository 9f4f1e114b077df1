import { once } from "node:events";
import { connect } from "node:net";
import { passportHeader } from "@sluice/shared/passport.ts";
import { describe, expect, test } from "vitest";
import { regionEachTest } from "./fixtures/region-each-test.ts";
import { type ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { passportFor, type TestRegion } from "./fixtures/test-region.ts";
import { hello } from "./fixtures/wire.ts";

let engine: ScriptedEngine;
let region: TestRegion;

regionEachTest((...started) => {
  [engine, region] = started;
});

describe("refusals", () => {
  test.each<[string, string, unknown, Record<string, string>, number, string]>([
    ["unknown address", "/v1/nothing", {}, {}, 404, "unknown_url"],
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

  test("its organization salts the prefix cache and is the tenant, for chats and for completions", async () => {
    const passport = await passportFor(body, { org: "org_a" });
    await region.post("/v1/chat/completions", body, { [passportHeader]: passport });
    const completion = JSON.stringify({ model: "tiny", prompt: "a" });
    const another = await passportFor(completion, { org: "org_b" });
    await region.post("/v1/completions", completion, { [passportHeader]: another });
    expect(engine.requests.map(({ cacheSalt }) => cacheSalt)).toEqual(["org_a", "org_b"]);
    expect(engine.requests.map(({ tenant }) => tenant)).toEqual(["org_a", "org_b"]);
  });
});
