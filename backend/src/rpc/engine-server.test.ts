import { status } from "@grpc/grpc-js";
import type { GetModelResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkHealth } from "./check-health.ts";
import { type FakeEngine, startFakeEngine } from "./fake-engine.ts";
import { generateRequest, service, startGenerate, untilEnd } from "./loopback-engine.ts";

const greedy = { temperature: 0, topP: 1, topK: 0 };
const none = { presencePenalty: 0, frequencyPenalty: 0, repetitionPenalty: 1, logitBias: [] };
const biases = (count: number) => Array.from({ length: count }, () => ({ tokenId: 1, bias: 1 }));

let loopback: FakeEngine["loopback"];
let client: FakeEngine["client"];
let steps: FakeEngine["steps"];

beforeEach(async () => {
  ({ loopback, client, steps } = await startFakeEngine());
});
afterEach(() => loopback.close());

describe("before the model is loaded", () => {
  test("it listens, is not healthy, and answers UNAVAILABLE", async () => {
    expect(await checkHealth(client)).toBe("NOT_SERVING");
    expect((await untilEnd(startGenerate(client, generateRequest("a")))).error?.code).toBe(status.UNAVAILABLE);
    await expect(getModel()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await loopback.load();
    expect(await checkHealth(client)).toBe("SERVING");
    expect(await getModel()).toMatchObject({ modelId: "fake", vocabSize: 97, blockSize: 4, numBlocks: 4096 });
  });
});

describe("Generate", () => {
  beforeEach(() => loopback.load());

  test("streams the tokens and ends with the finish", async () => {
    const { messages, tokenIds, error } = await untilEnd(startGenerate(client, generateRequest("a")));
    expect(error).toBeUndefined();
    expect(tokenIds).toHaveLength(5);
    expect(messages.slice(0, -1).every(({ finish }) => finish === undefined)).toBe(true);
    expect(messages.at(-1)?.finish).toMatchObject({ promptTokens: 3, completionTokens: 5, cachedTokens: 0 });
  });

  test("says with the first token and with the finish how much of the prompt was cached", async () => {
    const promptTokenIds = [...Array(13).keys()];
    const ask = (cacheSalt: string) =>
      untilEnd(startGenerate(client, generateRequest("a", { promptTokenIds, cacheSalt })));
    await ask("org");
    const { messages } = await ask("org");
    expect(messages.map(({ cachedTokens }) => cachedTokens).filter((each) => each !== undefined)).toEqual([12]);
    expect(messages[0]?.cachedTokens).toBe(12);
    expect(messages.at(-1)?.finish?.cachedTokens).toBe(12);
    expect((await ask("another")).messages.at(-1)?.finish?.cachedTokens).toBe(0);
  });

  test.each([
    ["requestId", { requestId: "" }],
    ["cacheSalt", { cacheSalt: "x".repeat(257) }],
    ["tenant", { tenant: "x".repeat(257) }],
    ["stopping", { stopping: undefined }],
    ["stopping.minTokens", { stopping: { maxTokens: 2, stopTokenIds: [], minTokens: 3 } }],
    ["sampling.minP", { sampling: { ...greedy, minP: 1.5 } }],
    ["sampling.adjustments.presencePenalty", { sampling: { ...greedy, adjustments: { ...none, presencePenalty: 3 } } }],
    [
      "sampling.adjustments.frequencyPenalty",
      { sampling: { ...greedy, adjustments: { ...none, frequencyPenalty: -3 } } },
    ],
    [
      "sampling.adjustments.repetitionPenalty",
      { sampling: { ...greedy, adjustments: { ...none, repetitionPenalty: 0 } } },
    ],
    ["sampling.adjustments.logitBias", { sampling: { ...greedy, adjustments: { ...none, logitBias: biases(1025) } } }],
    ["biased token", { sampling: { ...greedy, adjustments: { ...none, logitBias: [{ tokenId: 97, bias: 1 }] } } }],
    ["logprobs.numTop", { logprobs: { numTop: 21, prompt: false } }],
    ["n", { n: 0 }],
    ["n", { n: 129 }],
    ["sampling", { sampling: undefined }],
    ["sampling.topP", { sampling: { temperature: 1, topP: 0, topK: 0 } }],
    ["sampling.temperature", { sampling: { temperature: NaN, topP: 1, topK: 0 } }],
    ["prompt", { promptTokenIds: [97] }],
    ["prompt", { promptTokenIds: [] }],
  ])("answers INVALID_ARGUMENT and says %s when that is wrong", async (field, wrong) => {
    const { error } = await untilEnd(startGenerate(client, generateRequest("a", wrong)));
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(error?.details).toContain(field);
  });

  test("streams logprobs of the prompt, then of every token", async () => {
    const logprobs = { numTop: 3, prompt: true };
    const { messages, tokenIds } = await untilEnd(startGenerate(client, generateRequest("a", { logprobs })));
    expect(messages.flatMap((message) => message.logprobs?.prompt ?? [])).toHaveLength(2);
    const ofTokens = messages.flatMap((message) => message.logprobs?.tokens ?? []);
    expect(ofTokens.map(({ topTokenIds }) => topTokenIds[0])).toEqual(tokenIds);
    for (const { logprob, topLogprobs } of ofTokens) {
      expect(topLogprobs).toHaveLength(3);
      expect(topLogprobs[0]).toBe(logprob);
    }
    const without = await untilEnd(startGenerate(client, generateRequest("b")));
    expect(without.messages.every((message) => message.logprobs === undefined)).toBe(true);
  });

  test("of maxTokens 0 computes the prompt and ends", async () => {
    const request = generateRequest("a", {
      stopping: { maxTokens: 0, stopTokenIds: [] },
      logprobs: { numTop: 0, prompt: true },
    });
    const { messages, tokenIds } = await untilEnd(startGenerate(client, request));
    expect(tokenIds).toEqual([]);
    expect(messages.flatMap((message) => message.logprobs?.prompt ?? [])).toHaveLength(2);
    expect(messages.at(-1)?.finish).toMatchObject({ promptTokens: 3, completionTokens: 0 });
  });

  test("a request id is unique among the live ones, and free again after", async () => {
    const hold = steps.hold();
    const first = untilEnd(startGenerate(client, generateRequest("a")));
    await hold.reached;
    const second = await untilEnd(startGenerate(client, generateRequest("a")));
    expect(second.error?.code).toBe(status.INVALID_ARGUMENT);
    hold.release();
    await first;
    expect((await untilEnd(startGenerate(client, generateRequest("a")))).error).toBeUndefined();
  });

  test("answers RESOURCE_EXHAUSTED when the queue is full, also while a step runs", async () => {
    const hold = steps.hold();
    const calls = [0, 1, 2, 3, 4, 5].map((id) => untilEnd(startGenerate(client, generateRequest(`${id}`))));
    await hold.reached;
    const refused = await untilEnd(startGenerate(client, generateRequest("one too many")));
    expect(refused.error?.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(refused.error?.metadata.get("sluice-error-code")).toEqual(["server_is_overloaded"]);
    expect(Number(refused.error?.metadata.get("sluice-retry-after-ms")[0])).toBeGreaterThanOrEqual(100);
    hold.release();
    expect((await Promise.all(calls)).map(({ error }) => error)).toEqual(Array(6).fill(undefined));
  });

  test("a tenant that filled the queue does not shut out another, also while a step runs, and learns that it is the tenant", async () => {
    const hold = steps.hold();
    const many = [0, 1, 2, 3, 4, 5].map((id) =>
      untilEnd(startGenerate(client, generateRequest(`${id}`, { tenant: "many" }))),
    );
    await hold.reached;
    const few = untilEnd(startGenerate(client, generateRequest("few", { tenant: "few" })));
    // Calls of one connection arrive in order.
    const refused = await untilEnd(startGenerate(client, generateRequest("more", { tenant: "many" })));
    hold.release();
    expect((await few).error).toBeUndefined();
    const errors = [refused, ...(await Promise.all(many))].flatMap(({ error }) => error ?? []);
    expect(errors).toHaveLength(2);
    for (const { code, metadata } of errors) {
      expect(code).toBe(status.RESOURCE_EXHAUSTED);
      expect(metadata.get("sluice-error-code")).toEqual(["rate_limit_exceeded"]);
      expect(Number(metadata.get("sluice-retry-after-ms")[0])).toBeGreaterThanOrEqual(100);
    }
  });
});

function getModel(): Promise<GetModelResponse | undefined> {
  const { path, requestSerialize, responseDeserialize } = service.getModel;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (error, response) => {
      if (error !== null) reject(error);
      else resolve(response);
    });
  });
}
