// What a request may ask of sampling, through the whole engine: penalties, bias, least length, logprobs of output and
// prompt. Formulas are tested in sampling/; this is about state, preemption, chunks and events.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { FakeExecutor } from "./executor/fake-executor.ts";
import type { Finish, GenerationRequest } from "./generation.ts";
import type { BlockId } from "./kv/block-id.ts";
import { LogprobReader, type TokenLogprobs } from "./sampling/logprobs.ts";
import type { LogitAdjustments } from "./sampling/sampling-params.ts";
import { leastBatchedTokens } from "./scheduler/scheduler.ts";
import { maxScoredStepTokens, maxStepLogits } from "./scheduler/step-plan.ts";
import { request as greedyRequest } from "./test-requests.ts";

const limits = { maxNumBatchedTokens: 32, maxNumSeqs: 8, maxQueuedRequests: 64, maxQueuedTokens: 10_000 };
const greedy = { temperature: 0, topP: 1, topK: 0, seed: 0 };
const none: LogitAdjustments = { presencePenalty: 0, frequencyPenalty: 0, repetitionPenalty: 1, logitBias: [] };

describe("a least length", () => {
  test("keeps stop tokens from being sampled, and only until it is reached", async () => {
    const free = (await runAlone(request([5, 6, 7], { maxTokens: 12, stopTokenIds: [] }))).tokenIds;
    for (const minTokens of [1, 4, 11]) {
      // Every token of the free output would stop it.
      const stopping = { maxTokens: 12, stopTokenIds: [...new Set(free)], minTokens };
      const answer = await runAlone(request([5, 6, 7], stopping));
      expect(answer.tokenIds.length).toBeGreaterThanOrEqual(minTokens);
      for (const tokenId of answer.tokenIds) expect(free).not.toContain(tokenId);
    }
    const stopping = { maxTokens: 12, stopTokenIds: [free[3]!], minTokens: 3 };
    const { tokenIds, finish } = await runAlone(request([5, 6, 7], stopping));
    expect(tokenIds).toEqual(free.slice(0, 3));
    expect(finish).toMatchObject({ reason: "stop", stopTokenId: free[3] });
  });

  test("is refused when every token stops", () => {
    const engine = new Engine(new FakeExecutor({ vocabSize: 2 }), limits);
    const refused = request([1], { maxTokens: 5, stopTokenIds: [0, 1], minTokens: 1 });
    expect(engine.add(refused)).toMatchObject({ admitted: false, code: "invalid_value" });
  });
});

describe("adjustments", () => {
  test("count the output as it grows", async () => {
    const stopping = { maxTokens: 90, stopTokenIds: [] };
    const free = (await runAlone(request([1], stopping))).tokenIds;
    expect(new Set(free).size).toBeLessThan(80);
    // The fake's logits lie within 4 of each other: twice 2 sends a token below all that were not there yet.
    const adjustments = { ...none, presencePenalty: 2, frequencyPenalty: 2 };
    const penalized = { ...request([1], stopping), sampling: { ...greedy, adjustments } };
    expect(new Set((await runAlone(penalized)).tokenIds).size).toBe(90);
  });

  test("of tokens outside the vocabulary are refused", () => {
    const adjustments = { ...none, logitBias: [{ tokenId: 97, bias: 1 }] };
    const refused = { ...request([1], { maxTokens: 5, stopTokenIds: [] }), sampling: { ...greedy, adjustments } };
    expect(new Engine(new FakeExecutor(), limits).add(refused)).toMatchObject({ code: "invalid_value" });
  });
});

describe("logprobs", () => {
  const stopping = { maxTokens: 6, stopTokenIds: [] };

  test("are none unless asked for", async () => {
    expect(await runAlone(request([5, 6], stopping))).toMatchObject({ tokens: undefined, prompt: undefined });
  });

  test("are the model's own, whatever is done to its logits afterwards", async () => {
    const plain = await runAlone({ ...request([5, 6], stopping), logprobs: { numTop: 5, prompt: false } });
    const adjustments = { ...none, repetitionPenalty: 2, logitBias: [{ tokenId: plain.tokenIds[0]!, bias: -100 }] };
    const sampling = { temperature: 1.5, topP: 0.5, topK: 7, minP: 0.1, seed: 3, adjustments };
    const bent = await runAlone({ ...request([5, 6], stopping), sampling, logprobs: { numTop: 5, prompt: false } });
    expect(bent.tokenIds[0]).not.toBe(plain.tokenIds[0]);
    expect(bent.tokens?.[0]?.topTokenIds).toEqual(plain.tokens?.[0]?.topTokenIds);
    expect(bent.tokens?.[0]?.topLogprobs).toEqual(plain.tokens?.[0]?.topLogprobs);
    expect(plain.tokens?.[0]).toMatchObject({ logprob: plain.tokens?.[0]?.topLogprobs[0] });
    expect(bent.tokens?.[0]?.logprob).toBeLessThan(plain.tokens?.[0]?.logprob ?? 0);
  });

  test("come one for each token, and none for the stop token", async () => {
    const free = await runAlone(request([5, 6], stopping));
    const stopped = { maxTokens: 6, stopTokenIds: [free.tokenIds[2]!] };
    const answer = await runAlone({ ...request([5, 6], stopped), logprobs: { numTop: 0, prompt: false } });
    expect(answer.tokenIds).toHaveLength(2);
    expect(answer.tokens).toHaveLength(2);
  });

  test.each([8, 11, 32])("of a prompt are those of its tokens one by one, at %i tokens a step", async (budget) => {
    const prompt = Array.from({ length: 30 }, (_, index) => (index * 37) % 97);
    const engine = new Engine(new FakeExecutor(), { ...limits, maxNumSeqs: 2, maxNumBatchedTokens: budget });
    engine.add({ ...request(prompt, stopping), logprobs: { numTop: 3, prompt: true } });
    const [answer] = await runToEnd(engine);
    expect(answer?.prompt).toEqual(await promptLogprobsOf(prompt, 3));
    expect(answer?.tokens).toHaveLength(6);
  });

  test("of a prompt of one token are none", async () => {
    const answer = await runAlone({ ...request([5], stopping), logprobs: { numTop: 3, prompt: true } });
    expect(answer.prompt).toEqual([]);
  });

  test("of a prompt can be all that is asked for, up to the model's whole length", async () => {
    const prompt = Array.from({ length: 16 }, (_, index) => index);
    const engine = new Engine(new FakeExecutor({ maxModelLen: 16 }), limits);
    const only = { ...request(prompt, { maxTokens: 0, stopTokenIds: [] }), logprobs: { numTop: 0, prompt: true } };
    expect(engine.add(only)).toMatchObject({ admitted: true });
    const [answer] = await runToEnd(engine);
    expect(answer?.tokenIds).toEqual([]);
    expect(answer?.prompt).toEqual(await promptLogprobsOf(prompt, 0));
    expect(answer?.finish).toEqual({
      reason: "length",
      numPromptTokens: 16,
      numCachedTokens: 0,
      numCompletionTokens: 0,
    });
    expect(engine.load()).toMatchObject({ numFreeBlocks: 64, totals: { promptTokens: 16, generationTokens: 0 } });
    expect(engine.add({ ...only, promptTokenIds: [...prompt, 1] })).toMatchObject({ code: "context_length_exceeded" });
  });
});

test("a step gives no more logits than memory is planned for, whoever has prompts scored", async () => {
  const numsLogits: number[] = [];
  const executor = new FakeExecutor({ numBlocks: 400 }, (batch) => {
    numsLogits.push(batch.reduce((sum, { numLogits }) => sum + numLogits, 0));
  });
  const engine = new Engine(executor, { ...limits, maxNumBatchedTokens: 512 });
  for (let id = 0; id < 12; id += 1) {
    const prompt = Array.from({ length: 150 }, (_, index) => (7 * index + id) % 97);
    const logprobs = { numTop: 0, prompt: id % 4 !== 3 };
    engine.add({ ...request(prompt, { maxTokens: 4, stopTokenIds: [] }, id), logprobs });
  }
  const answers = await runToEnd(engine);
  expect(answers.map(({ prompt }) => prompt?.length ?? 0)).toEqual(answers.map(({ id }) => (id % 4 === 3 ? 0 : 149)));
  expect(Math.max(...numsLogits)).toBeLessThanOrEqual(maxStepLogits(limits.maxNumSeqs));
  // The bound is needed: who decodes has its row beside them.
  expect(Math.max(...numsLogits)).toBeGreaterThan(maxScoredStepTokens);
});

test("with every feature on: the same tokens and logprobs alone, in company, preempted, and with a cached prefix", async () => {
  const asked = fc.record({
    numShared: fc.constantFrom(0, 4, 8),
    prompt: fc.array(fc.nat(96), { minLength: 1, maxLength: 20 }),
    maxTokens: fc.integer({ min: 1, max: 24 }),
    temperature: fc.constantFrom(0, 0.8),
    minP: fc.constantFrom(0, 0.2),
    adjustments: fc.record({
      presencePenalty: fc.constantFrom(0, 0.7),
      frequencyPenalty: fc.constantFrom(0, 0.4),
      repetitionPenalty: fc.constantFrom(1, 1.3),
      logitBias: fc.array(fc.record({ tokenId: fc.nat(96), bias: fc.constantFrom(-3, 1) }), { maxLength: 5 }),
    }),
    stopTokenIds: fc.array(fc.nat(96), { maxLength: 30 }),
    minShare: fc.constantFrom(0, 0.5),
    logprobs: fc.option(fc.record({ numTop: fc.nat(4), prompt: fc.boolean() }), { nil: undefined }),
  });
  const sharedPrefix = [3, 1, 4, 1, 5, 9, 2, 6];
  let numPreemptions = 0;
  let numCachedTokens = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(asked, { minLength: 2, maxLength: 12, size: "max" }),
      fc.integer({ min: 8, max: 16 }),
      fc.integer({ min: 1, max: 40 }),
      async (all, numBlocks, budget) => {
        const requests = all.map((one, id): GenerationRequest => {
          const { numShared, prompt, maxTokens, temperature, minP, adjustments, stopTokenIds, minShare, logprobs } =
            one;
          const minTokens = Math.floor(maxTokens * minShare);
          return {
            ...request([...sharedPrefix.slice(0, numShared), ...prompt], { maxTokens, stopTokenIds, minTokens }, id),
            sampling: { temperature, topP: 0.95, topK: 40, minP, seed: id, adjustments },
            logprobs,
          };
        });
        const engine = new Engine(new FakeExecutor({ numBlocks, maxModelLen: 32 }), {
          ...limits,
          maxNumBatchedTokens: Math.max(budget, leastBatchedTokens(limits.maxNumSeqs, 4)),
        });
        for (const each of requests) engine.add(each);
        const answers = await runToEnd(engine);
        const { totals } = engine.load();
        numPreemptions += totals.preemptions;
        numCachedTokens += totals.prefixCacheHits;
        expect(answers).toHaveLength(requests.length);
        for (const answer of answers) {
          const alone = await runAlone(requests[answer.id]!, 32);
          expect(answer.finish).toBeDefined();
          // What was cached is the one thing that company changes.
          expect({ ...answer.finish, numCachedTokens: 0 }).toEqual(alone.finish);
          expect({ ...answer, finish: undefined }).toEqual({ ...alone, finish: undefined });
        }
      },
    ),
    { numRuns: 60 },
  );
  // The property would hold just as well if nothing were ever preempted, or found.
  expect(numPreemptions).toBeGreaterThan(30);
  expect(numCachedTokens).toBeGreaterThan(30);
});

function request(promptTokenIds: readonly number[], stopping: GenerationRequest["stopping"], id = 1) {
  return { ...greedyRequest(id, promptTokenIds, stopping.maxTokens), stopping };
}

interface Answer {
  readonly id: number;
  readonly tokenIds: number[];
  /** Undefined when no event told any. */
  tokens: TokenLogprobs[] | undefined;
  prompt: TokenLogprobs[] | undefined;
  finish: Finish | undefined;
}

/** By id. A failure has no finish. */
async function runToEnd(engine: Engine): Promise<Answer[]> {
  const answers = new Map<number, Answer>();
  while (engine.hasWork) {
    for (const event of await engine.step()) {
      const id = event.sequenceId;
      const answer = answers.get(id) ?? { id, tokenIds: [], tokens: undefined, prompt: undefined, finish: undefined };
      answers.set(id, answer);
      if (event.kind === "failed") continue;
      answer.tokenIds.push(...event.tokenIds);
      if (event.kind === "finished") answer.finish = event.finish;
      if (event.logprobs === undefined) continue;
      expect(event.logprobs.tokens).toHaveLength(event.tokenIds.length);
      // All of the prompt's come with or before the first token.
      expect(event.logprobs.prompt.length === 0 || answer.tokenIds.length <= 1).toBe(true);
      answer.tokens = [...(answer.tokens ?? []), ...event.logprobs.tokens];
      answer.prompt = [...(answer.prompt ?? []), ...event.logprobs.prompt];
    }
  }
  return [...answers.values()].toSorted((a, b) => a.id - b.id);
}

async function runAlone(only: GenerationRequest, maxModelLen = 4096): Promise<Answer> {
  const engine = new Engine(new FakeExecutor({ maxModelLen }), limits);
  engine.add(only);
  const [answer] = await runToEnd(engine);
  return answer!;
}

/** By computing every prefix from nothing. */
async function promptLogprobsOf(prompt: readonly number[], numTop: number): Promise<TokenLogprobs[]> {
  const blockTable = Array.from({ length: 16 }, (_, block) => block as BlockId);
  const reader = new LogprobReader();
  const all: TokenLogprobs[] = [];
  for (let end = 1; end < prompt.length; end += 1) {
    const prefix = { tokenIds: prompt.slice(0, end), numComputedTokens: 0, blockTable, numLogits: 1 };
    all.push(reader.read(await new FakeExecutor().execute([prefix]), prompt[end]!, numTop));
  }
  return all;
}
