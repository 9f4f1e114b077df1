import { once } from "node:events";
import { status } from "@grpc/grpc-js";
import type { CacheEvents, GetModelResponse, WatchResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { HashChain, shorten } from "@sluice/shared/hash-chain.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeExecutor } from "#engine/executor/fake-executor.ts";
import { sha256 } from "#platform/sha256.ts";
import { generateRequest, LoopbackEngine, service, startGenerate, startWatch, untilEnd } from "./loopback-engine.ts";

const limits = { maxNumBatchedTokens: 64, maxNumSeqs: 4, maxQueuedRequests: 2, maxQueuedTokens: 1_000 };
const greedy = { temperature: 0, topP: 1, topK: 0 };
const none = { presencePenalty: 0, frequencyPenalty: 0, repetitionPenalty: 1, logitBias: [] };
const biases = (count: number) => Array.from({ length: count }, () => ({ tokenId: 1, bias: 1 }));
const endless = { stopping: { maxTokens: 100_000, stopTokenIds: [] } };

/** Runs before every step; a test replaces it to hold steps back. */
let beforeStep: () => Promise<void> | void;
let loopback: LoopbackEngine;
let client: Awaited<ReturnType<LoopbackEngine["listen"]>>;

beforeEach(async () => {
  beforeStep = () => {};
  loopback = new LoopbackEngine(
    new FakeExecutor({ maxModelLen: 100_000, numBlocks: 4096 }, () => beforeStep()),
    limits,
  );
  client = await loopback.listen();
});
afterEach(() => loopback.close());

describe("before the model is loaded", () => {
  test("it listens, is not healthy, and answers UNAVAILABLE", async () => {
    expect(await health()).toBe("NOT_SERVING");
    expect((await untilEnd(startGenerate(client, generateRequest("a")))).error?.code).toBe(status.UNAVAILABLE);
    await expect(getModel()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await loopback.load();
    expect(await health()).toBe("SERVING");
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
    const hold = holdSteps();
    const first = untilEnd(startGenerate(client, generateRequest("a")));
    await hold.reached;
    const second = await untilEnd(startGenerate(client, generateRequest("a")));
    expect(second.error?.code).toBe(status.INVALID_ARGUMENT);
    hold.release();
    await first;
    expect((await untilEnd(startGenerate(client, generateRequest("a")))).error).toBeUndefined();
  });

  test("answers RESOURCE_EXHAUSTED when the queue is full, also while a step runs", async () => {
    const hold = holdSteps();
    const calls = [0, 1, 2, 3, 4, 5].map((id) => untilEnd(startGenerate(client, generateRequest(`${id}`))));
    await hold.reached;
    const refused = await untilEnd(startGenerate(client, generateRequest("one too many")));
    expect(refused.error?.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(refused.error?.metadata.get("sluice-error-code")).toEqual(["overloaded"]);
    expect(Number(refused.error?.metadata.get("sluice-retry-after-ms")[0])).toBeGreaterThanOrEqual(100);
    hold.release();
    expect((await Promise.all(calls)).map(({ error }) => error)).toEqual(Array(6).fill(undefined));
  });

  test("a tenant that filled the queue does not shut out another, also while a step runs, and learns that it is the tenant", async () => {
    const hold = holdSteps();
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

  test("a cancelled call frees its blocks", async () => {
    const call = startGenerate(client, generateRequest("a", endless));
    const ended = untilEnd(call);
    await loopback.untilLoad(({ totals }) => totals.generationTokens > 10);
    call.cancel();
    expect((await ended).error?.code).toBe(status.CANCELLED);
    await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.abort === 1 && numFreeBlocks === 4096);
  });

  test("several choices come interleaved, each with its index and its finish, and the call ends with the last", async () => {
    const request = { ...generateRequest("a"), sampling: { temperature: 1, topP: 1, topK: 0, seed: 3 } };
    const one = await untilEnd(startGenerate(client, request));
    const { messages, error } = await untilEnd(startGenerate(client, { ...request, n: 3 }));
    expect(error).toBeUndefined();
    const choices = [0, 1, 2].map((index) => messages.filter((message) => message.index === index));
    const tokens = choices.map((of) => of.flatMap(({ tokenIds }) => tokenIds));
    expect(tokens[0]).toEqual(one.tokenIds);
    expect(new Set(tokens.map((ids) => ids.join())).size).toBe(3);
    for (const of of choices) expect(of.at(-1)?.finish).toMatchObject({ promptTokens: 3, completionTokens: 5 });
  });

  test("aborting choices ends those and not the others; aborting all ends the call", async () => {
    const call = startGenerate(client, generateRequest("a", { ...endless, n: 3 }));
    const ended = untilEnd(call);
    await loopback.untilLoad(({ totals }) => totals.generationTokens > 10);
    await abortChoices("a", [0, 2, 7]);
    await loopback.untilLoad(({ totals, numRunning }) => totals.ended.abort === 2 && numRunning === 1);
    const soFar = loopback.engineClient.model?.load.totals.generationTokens ?? 0;
    await loopback.untilLoad(({ totals }) => totals.generationTokens > soFar + 10);
    await abortChoices("a", [0, 1]);
    const { messages, error } = await ended;
    expect(error).toBeUndefined();
    expect(messages.every(({ finish }) => finish === undefined)).toBe(true);
    await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.abort === 3 && numFreeBlocks === 4096);
    await abortChoices("a", [0]);
  });

  test("a cancelled call frees the blocks of all its choices", async () => {
    const call = startGenerate(client, generateRequest("a", { ...endless, n: 4 }));
    const ended = untilEnd(call);
    await loopback.untilLoad(({ totals }) => totals.generationTokens > 10);
    call.cancel();
    expect((await ended).error?.code).toBe(status.CANCELLED);
    await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.abort === 4 && numFreeBlocks === 4096);
  });

  test("a request of more choices than are free is refused whole", async () => {
    const hold = holdSteps();
    const open = untilEnd(startGenerate(client, generateRequest("a", { n: 4 })));
    await hold.reached;
    const { error } = await untilEnd(startGenerate(client, generateRequest("b", { n: 3 })));
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
    hold.release();
    expect((await open).error).toBeUndefined();
    const tooMany = await untilEnd(startGenerate(client, generateRequest("c", { n: 7 })));
    expect(tooMany.error?.code).toBe(status.INVALID_ARGUMENT);
  });

  test("a deadline that passes ends the call and frees its blocks", async () => {
    const deadline = Date.now() + 50;
    const { error } = await untilEnd(startGenerate(client, generateRequest("a", endless), { deadline }));
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.abort === 1 && numFreeBlocks === 4096);
  });

  test("a deadline that passes while the call waits ends it and gives its place back", async () => {
    const running = [0, 1, 2, 3].map((id) => startGenerate(client, generateRequest(`${id}`, endless)));
    for (const call of running) call.on("error", () => {}).resume();
    await loopback.untilLoad(({ numRunning }) => numRunning === 4);
    const deadline = Date.now() + 50;
    const { error, tokenIds } = await untilEnd(startGenerate(client, generateRequest("waits", {}), { deadline }));
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    expect(tokenIds).toEqual([]);
    await loopback.untilLoad(({ totals, numWaiting }) => totals.ended.abort === 1 && numWaiting === 0);
    for (const call of running) call.cancel();
    await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.abort === 5 && numFreeBlocks === 4096);
  });

  test("a step that fails ends the call with INTERNAL", async () => {
    beforeStep = () => {
      throw new Error("device lost");
    };
    const { error } = await untilEnd(startGenerate(client, generateRequest("a")));
    expect(error).toMatchObject({ code: status.INTERNAL, details: "device lost" });
  });

  test("when the engine dies its calls end with UNAVAILABLE and health says so", async () => {
    const hold = holdSteps();
    const call = untilEnd(startGenerate(client, generateRequest("a")));
    await hold.reached;
    loopback.engineClient.fail("the thread is gone");
    expect((await call).error?.code).toBe(status.UNAVAILABLE);
    expect(await health()).toBe("NOT_SERVING");
    hold.release();
  });
});

describe("Watch", () => {
  beforeEach(() => loopback.load());

  test("sends the load at once and after a change", async () => {
    const watch = startWatch(client, 1);
    const loads = watch[Symbol.asyncIterator]();
    expect((await loads.next()).value).toMatchObject({ numRunning: 0, numFreeBlocks: 4096, draining: false });
    await untilEnd(startGenerate(client, generateRequest("a")));
    let { value } = await loads.next();
    while (value.generationTokensTotal !== 5) ({ value } = await loads.next());
    expect(value).toMatchObject({ promptTokensTotal: 3, numRunning: 0 });
    watch.on("error", () => {});
    watch.cancel();
  });
});

describe("Watch with cache events", () => {
  beforeEach(() => loopback.load());

  test("tells which blocks the cache has, by the names that the prompt's own tokens give", async () => {
    const promptTokenIds = [...Array(13).keys()];
    const chain = new HashChain({ cacheSalt: "org" }, 4, sha256);
    const names = [0, 1, 2].map((block) => shorten(chain.hashOf(block, promptTokenIds)));
    const ask = (id: string) =>
      untilEnd(startGenerate(client, generateRequest(id, { promptTokenIds, cacheSalt: "org" })));
    await ask("before");
    const [early, plain] = [new CacheWatch(true), new CacheWatch(false)];
    await early.until(() => true);
    expect([...early.believed]).toEqual(expect.arrayContaining(names));
    expect(early.numRestarts).toBe(1);
    // Of both sequences the output is cached too, but for its last token: 17 tokens are four blocks, 9 are two.
    expect(early.believed.size).toBe(4);
    await untilEnd(startGenerate(client, generateRequest("after", { promptTokenIds: [9, 9, 9, 9, 9] })));
    await early.until(() => early.believed.size === 6);
    expect(early.numRestarts).toBe(1);
    expect(plain.believed.size).toBe(0);
    early.watch.cancel();
    plain.watch.cancel();
  });

  test("refuses one watch more than there may be, and takes another when one left", async () => {
    const watches = Array.from({ length: 256 }, () => startWatch(client, 1));
    await Promise.all(watches.map((each) => once(each, "data")));
    const [error] = await once(startWatch(client, 1).resume(), "error");
    expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    for (const each of watches) each.on("error", () => {}).cancel();
    for (;;) {
      const watch = startWatch(client, 1);
      const first = await Promise.race([once(watch, "data"), once(watch, "error")]).catch(() => []);
      watch.on("error", () => {}).cancel();
      if (first[0]?.numBlocks === 4096) break;
    }
  });
});

describe("drain", () => {
  beforeEach(() => loopback.load());

  test("refuses new calls, lets the open ones finish, and ends the watches", async () => {
    const hold = holdSteps();
    const watch = startWatch(client, 1);
    const watched: boolean[] = [];
    const watchEnded = new Promise((resolve) => watch.on("end", resolve));
    watch.on("data", ({ draining }) => watched.push(draining));
    const open = untilEnd(startGenerate(client, generateRequest("open")));
    await hold.reached;
    const drained = loopback.server.drain(60_000);
    expect(await health()).toBe("NOT_SERVING");
    expect((await untilEnd(startGenerate(client, generateRequest("late")))).error?.code).toBe(status.UNAVAILABLE);
    hold.release();
    expect((await open).tokenIds).toHaveLength(5);
    await drained;
    await watchEnded;
    expect(watched.at(-1)).toBe(true);
  });

  test("lets what waits finish too", async () => {
    const hold = holdSteps();
    const calls = [0, 1, 2, 3, 4, 5].map((id) => untilEnd(startGenerate(client, generateRequest(`${id}`))));
    await hold.reached;
    const drained = loopback.server.drain(60_000);
    hold.release();
    for (const { error, tokenIds } of await Promise.all(calls)) {
      expect(error).toBeUndefined();
      expect(tokenIds).toHaveLength(5);
    }
    await drained;
  });

  test("ends what is left after the grace with UNAVAILABLE", async () => {
    const call = startGenerate(client, generateRequest("a", endless));
    const ended = untilEnd(call);
    await loopback.untilLoad(({ totals }) => totals.generationTokens > 10);
    await loopback.server.drain(1);
    expect((await ended).error?.code).toBe(status.UNAVAILABLE);
    await loopback.untilLoad(({ numFreeBlocks }) => numFreeBlocks === 4096);
  });
});

/** Holds back every step from the next one on. */
function holdSteps(): { reached: Promise<void>; release: () => void } {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  beforeStep = () => {
    reach();
    return released;
  };
  return { reached, release };
}

function abortChoices(requestId: string, indexes: number[]): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = service.abortChoices;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { requestId, indexes }, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

/** The overall status, out of `grpc.health.v1.Health`: HealthCheckResponse has one field, an enum. */
function health(): Promise<string | undefined> {
  const path = "/grpc.health.v1.Health/Check";
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      encodeEmpty,
      (bytes) => bytes[1] ?? 0,
      {},
      (error, value) => {
        if (error === null) resolve(["UNKNOWN", "SERVING", "NOT_SERVING"][value ?? 0]);
        else reject(error);
      },
    );
  });
}

function encodeEmpty(): Buffer {
  return Buffer.alloc(0);
}

function getModel(): Promise<GetModelResponse | undefined> {
  const { path, requestSerialize, responseDeserialize } = service.getModel;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (error, response) => {
      if (error !== null) reject(error);
      else resolve(response);
    });
  });
}

/** A watch that believes what it is told of the cache. */
class CacheWatch {
  readonly watch: ReturnType<typeof startWatch>;
  readonly believed = new Set<string>();
  numRestarts = 0;
  #numHeard = 0;

  constructor(cacheEvents: boolean) {
    this.watch = startWatch(client, 1, cacheEvents);
    this.watch.on("error", () => {});
    this.watch.on("data", (message: WatchResponse) => this.#hear(message.cacheEvents));
  }

  /** Settles once something was heard and this holds. */
  async until(holds: () => boolean): Promise<void> {
    while (this.#numHeard === 0 || !holds()) await once(this.watch, "data");
  }

  #hear(events: CacheEvents | undefined): void {
    if (events === undefined) return;
    this.#numHeard += 1;
    if (events.restarts) this.numRestarts += 1;
    for (const name of namesIn(events.stored)) this.believed.add(name);
    for (const name of namesIn(events.evicted)) this.believed.delete(name);
  }
}

function namesIn(bytes: Uint8Array): readonly string[] {
  return Buffer.from(bytes).toString("latin1").match(/.{8}/gs) ?? [];
}
