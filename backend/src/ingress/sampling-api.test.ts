// What a caller may ask of sampling and stopping, as it reaches the engine, and how it is refused.
import { describe, expect, test } from "vitest";
import { endOfText, imEnd } from "./fixtures/byte-tokenizer.ts";
import { regionEachTest } from "./fixtures/region-each-test.ts";
import { answer, type ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { type TestRegion } from "./fixtures/test-region.ts";
import { bytesOf, hello } from "./fixtures/wire.ts";

let engine: ScriptedEngine;
let region: TestRegion;

regionEachTest((...started) => {
  [engine, region] = started;
});

describe.each([
  ["/v1/chat/completions", hello],
  ["/v1/completions", { model: "tiny", prompt: "hi" }],
])("%s", (route, plain) => {
  test("hands every sampling parameter to the engine", async () => {
    const response = await region.post(route, {
      ...plain,
      temperature: 0.5,
      top_p: 0.25,
      top_k: 12,
      min_p: 0.125,
      presence_penalty: -1.5,
      frequency_penalty: 2,
      repetition_penalty: 1.25,
      logit_bias: { "97": -100, "5": 0.5 },
      seed: -7,
      max_tokens: 20,
      min_tokens: 3,
      stop_token_ids: [10, imEnd],
      priority: 3,
    });
    expect(response.status).toBe(200);
    expect(engine.requests[0]).toMatchObject({
      sampling: {
        temperature: 0.5,
        topP: 0.25,
        topK: 12,
        minP: 0.125,
        seed: -7,
        adjustments: {
          presencePenalty: -1.5,
          frequencyPenalty: 2,
          repetitionPenalty: 1.25,
          logitBias: [
            { tokenId: 5, bias: 0.5 },
            { tokenId: 97, bias: -100 },
          ],
        },
      },
      stopping: { maxTokens: 20, minTokens: 3, stopTokenIds: [imEnd, endOfText, 10] },
      priority: 3,
    });
    expect(engine.requests[0]?.logprobs).toBeUndefined();
  });

  test.each<[object, object]>([
    [{ presence_penalty: 0.5 }, { presencePenalty: 0.5 }],
    [{ frequency_penalty: 0.5 }, { frequencyPenalty: 0.5 }],
    [{ repetition_penalty: 1.5 }, { repetitionPenalty: 1.5 }],
    [{ logit_bias: { "1": 2 } }, { logitBias: [{ tokenId: 1, bias: 2 }] }],
  ])("one adjustment is enough to be heard: %j", async (asked, heard) => {
    await region.post(route, { ...plain, ...asked });
    const none = { presencePenalty: 0, frequencyPenalty: 0, repetitionPenalty: 1, logitBias: [] };
    expect(engine.requests[0]?.sampling?.adjustments).toEqual({ ...none, ...heard });
  });

  test("what asks for nothing leaves the engine's logits alone", async () => {
    const nothing = { presence_penalty: 0, frequency_penalty: 0, repetition_penalty: 1, logit_bias: {} };
    await region.post(route, { ...plain, ...nothing, min_tokens: 0, stop_token_ids: [], ignore_eos: false });
    expect(engine.requests[0]?.sampling?.adjustments).toBeUndefined();
    expect(engine.requests[0]?.stopping?.stopTokenIds).toEqual([imEnd, endOfText]);
  });

  test("ignore_eos leaves only the caller's own stop tokens", async () => {
    await region.post(route, { ...plain, ignore_eos: true, stop_token_ids: [10] });
    expect(engine.requests[0]?.stopping?.stopTokenIds).toEqual([10]);
  });

  test("stop strings do not count before the least length", async () => {
    engine.script = (call) => answer(call, [bytesOf("aXbX"), bytesOf("cXd")]);
    const response = await region.post(route, { ...plain, stop: "X", min_tokens: 4 });
    expect(await response.text()).toContain('"aXbXc"');
  });

  test.each<[string, object, string]>([
    ["a biased token that the model does not have", { logit_bias: { "264": 1 } }, "logit_bias"],
    ["a stop token that the model does not have", { stop_token_ids: [264] }, "stop_token_ids"],
    ["a least length beyond the greatest", { min_tokens: 5, max_tokens: 4 }, "min_tokens"],
    ["a least length beyond the context", { min_tokens: 256 }, "min_tokens"],
    ["a bias out of range", { logit_bias: { "1": -101 } }, "logit_bias"],
    ["a penalty out of range", { presence_penalty: 3 }, "presence_penalty"],
    ["min_p out of range", { min_p: -1 }, "min_p"],
    ["no choices", { n: 0 }, "n"],
    ["half a priority", { priority: 0.5 }, "priority"],
    ["an unknown tier", { service_tier: "express" }, "service_tier"],
  ])("refuses %s", async (_, wrong, param) => {
    const response = await region.post(route, { ...plain, ...wrong });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error", param } });
    expect(engine.requests).toHaveLength(0);
  });
});

test.each<[string, string, object, string]>([
  ["top_logprobs without logprobs", "/v1/chat/completions", { ...hello, top_logprobs: 2 }, "top_logprobs"],
  ["no tokens in a chat", "/v1/chat/completions", { ...hello, max_tokens: 0 }, "max_tokens"],
  ["no tokens and no echo", "/v1/completions", { model: "tiny", prompt: "hi", max_tokens: 0 }, "max_tokens"],
])("refuses %s", async (_, route, wrong, param) => {
  const response = await region.post(route, wrong);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param } });
  expect(engine.requests).toHaveLength(0);
});
