import OpenAI, { APIError } from "openai";
import { describe, expect, inject, it } from "vitest";

const stack = inject("stack");
const client = new OpenAI({ baseURL: stack.baseUrl, apiKey: stack.apiKey, maxRetries: 0 });
const url = `${stack.baseUrl}/chat/completions`;
const good = { model: stack.model, messages: [{ role: "user", content: "Hello!" }], max_tokens: 4 };

async function post(
  body: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; error: Record<string, unknown> }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.apiKey}`, "content-type": "application/json", ...headers },
    body,
  });
  const { error } = (await response.json()) as { error: Record<string, unknown> };
  return { status: response.status, error };
}

async function refusal(promise: Promise<unknown>): Promise<APIError> {
  const outcome = await promise.catch((error: unknown) => error);
  if (!(outcome instanceof APIError)) throw new Error(`expected a refusal, got ${JSON.stringify(outcome)}`);
  return outcome;
}

describe("refusals", () => {
  it("answers 401 to a key that is mistyped, and to none", async () => {
    const mistyped = new OpenAI({ baseURL: stack.baseUrl, apiKey: `${stack.apiKey}x`, maxRetries: 0 });
    const error = await refusal(mistyped.models.list());
    expect([error.status, error.code]).toEqual([401, "invalid_api_key"]);
    expect(error.message).not.toContain(stack.apiKey);
    expect((await fetch(url, { method: "POST", body: "{}" })).status).toBe(401);
  });

  it("answers 404 to an unknown model", async () => {
    const error = await refusal(
      client.chat.completions.create({
        ...good,
        model: "no-such-model",
        stream: false,
      } as OpenAI.ChatCompletionCreateParams),
    );
    expect([error.status, error.code]).toEqual([404, "model_not_found"]);
  });

  it.each([
    ["not JSON", "{", null],
    ["an array", "[]", null],
    ["no messages", JSON.stringify({ model: stack.model }), "messages"],
    ["messages of the wrong type", JSON.stringify({ ...good, messages: "Hello" }), "messages"],
    ["an unknown role", JSON.stringify({ ...good, messages: [{ role: "wizard", content: "x" }] }), "messages[0].role"],
    ["a temperature out of range", JSON.stringify({ ...good, temperature: 9 }), "temperature"],
    ["a negative max_tokens", JSON.stringify({ ...good, max_tokens: -1 }), "max_tokens"],
    ["an unknown parameter", JSON.stringify({ ...good, temprature: 1 }), "temprature"],
  ])("answers 400 to %s", async (_, body, param) => {
    const { status, error } = await post(body);
    expect(status).toBe(400);
    expect(error["type"]).toBe("invalid_request_error");
    expect(error["param"]).toBe(param);
  });

  it("answers 400 to a prompt past the context length", async () => {
    const { status, error } = await post(
      JSON.stringify({ ...good, messages: [{ role: "user", content: "river ".repeat(6_000) }] }),
    );
    expect([status, error["code"]]).toEqual([400, "context_length_exceeded"]);
  });

  it("serves nothing of what wrangler offers to those who develop Workers", async () => {
    const { origin } = new URL(stack.baseUrl);
    for (const path of ["explorer", "explorer/api/d1/database", "explorer/api/local/workers", "local/explorer"]) {
      expect((await fetch(`${origin}/cdn-cgi/${path}`)).status, path).toBe(404);
    }
  });

  it("answers 415 to another content type and 404 to an unknown path", async () => {
    expect((await post("hello", { "content-type": "text/plain" })).status).toBe(415);
    expect(
      (await fetch(`${stack.baseUrl}/nothing`, { headers: { authorization: `Bearer ${stack.apiKey}` } })).status,
    ).toBe(404);
  });

  it("refuses a request that comes to a region without its edge", async () => {
    const region = stack.regions[0];
    const response = await fetch(`${region?.ingressUrl}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${stack.apiKey}` },
      body: JSON.stringify(good),
    });
    expect(response.status).toBe(401);
  });

  it("carries one request id on every answer", async () => {
    const ids = await Promise.all(
      ["{", JSON.stringify(good)].map(async (body) => {
        const response = await fetch(url, {
          method: "POST",
          headers: { authorization: `Bearer ${stack.apiKey}`, "content-type": "application/json" },
          body,
        });
        await response.text();
        return response.headers.get("x-request-id");
      }),
    );
    expect(ids.every((id) => id?.startsWith("req_"))).toBe(true);
    expect(new Set(ids).size).toBe(2);
  });
});
