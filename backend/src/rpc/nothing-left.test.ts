// After thousands of requests of every kind and every ending, nothing is left of any of them: no block, no object, no timer.
// Memory that grows with the number of requests served would be seen in none of the tests of a single one.
import { queryObjects } from "node:v8";
import type { Client, ClientReadableStream, ClientUnaryCall } from "@grpc/grpc-js";
import type { GenerateRequest } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { expect, test } from "vitest";
import { Pooler } from "#engine/embedding/pooler.ts";
import { FakeExecutor } from "#engine/executor/fake-executor.ts";
import { GrammarCompiler } from "#engine/grammar/grammar-compiler.ts";
import { Grammars } from "#engine/grammar/grammars.ts";
import { SequenceGrammar } from "#engine/grammar/sequence-grammar.ts";
import { BlockTable } from "#engine/kv/block-table.ts";
import { uniformAt } from "#engine/sampling/philox.ts";
import { PromptLogprobs } from "#engine/sampling/prompt-logprobs.ts";
import { TokenHistory } from "#engine/sampling/token-history.ts";
import { Sequence } from "#engine/scheduler/sequence.ts";
import { compileHere } from "./compile-here.ts";
import { generateRequest, LoopbackEngine, service, startGenerate } from "./loopback-engine.ts";
import { PendingTokens } from "./pending-tokens.ts";
import { RequestTimer } from "./request-timer.ts";
import { TokenStream } from "./token-stream.ts";

const numRequests = 2_000;
const numAtOnce = 40;
const numBlocks = 64;
const limits = { maxNumBatchedTokens: 64, maxNumSeqs: 16, maxQueuedRequests: 24, maxQueuedTokens: 1_000 };

/** What is made for a request, or for a choice of it. */
const perRequest = [
  Sequence,
  BlockTable,
  SequenceGrammar,
  TokenHistory,
  PromptLogprobs,
  Pooler,
  TokenStream,
  PendingTokens,
  RequestTimer,
];

/** Class -> how many of it there are, once what nobody holds is collected. */
function countObjects(): Record<string, number> {
  return Object.fromEntries(perRequest.map((each) => [each.name, queryObjects(each, { format: "count" })]));
}

function countTimers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}

type Call = ClientUnaryCall | ClientReadableStream<unknown>;

let numDrawn = 0;
const chance = (probability: number): boolean => uniformAt(20_261_128, numDrawn++) < probability;
const between = (least: number, most: number): number =>
  least + Math.floor(uniformAt(20_261_128, numDrawn++) * (most - least + 1));

const adjustments = { presencePenalty: 1, frequencyPenalty: 0.5, repetitionPenalty: 1.1, logitBias: [] };

/** Of any kind; prompts begin alike now and then. */
function drawRequest(requestId: string): GenerateRequest {
  const first = between(0, 3);
  const isScored = chance(0.2);
  return generateRequest(requestId, {
    promptTokenIds: Array.from({ length: between(1, 40) }, (_, index) => first + index),
    tenant: `tenant ${between(0, 4)}`,
    priority: chance(0.2) ? 1 : 0,
    n: chance(0.3) ? between(2, 4) : 1,
    stopping: { maxTokens: between(1, 60), stopTokenIds: chance(0.5) ? [0] : [] },
    sampling: { temperature: 1, topP: 1, topK: 0, ...(chance(0.3) && { adjustments }) },
    ...(isScored && { logprobs: { numTop: 2, prompt: chance(0.5) } }),
    ...(chance(0.2) && { grammar: { ebnf: `root ::= [a-z]{1,${between(2, 20)}}\n` } }),
  });
}

/** Resolves with how it ended: a gRPC status, 0 for well. */
function generateSomething(client: Client, requestId: string): Promise<number> {
  const isLate = chance(0.1);
  const options = isLate ? { deadline: Date.now() + between(1, 30) } : {};
  const request = drawRequest(requestId);
  const call = startGenerate(client, request, options);
  if (chance(0.1)) cancelIn(between(0, 30), call);
  const cancelAfter = chance(0.15) ? between(1, 5) : Infinity;
  const abortAfter = chance(0.2) ? between(1, 5) : Infinity;
  return new Promise((resolve) => {
    let numMessages = 0;
    call.on("data", () => {
      numMessages += 1;
      if (numMessages === cancelAfter) call.cancel();
      if (numMessages === abortAfter) abortFirstChoice(client, requestId);
    });
    call.on("error", () => {});
    call.on("status", ({ code }) => resolve(code));
  });
}

/** A timer that ends with the call, so that those who count timers count none of ours. */
function cancelIn(delayMs: number, call: Call): void {
  const timer = setTimeout(() => call.cancel(), delayMs);
  call.on("status", () => clearTimeout(timer));
}

function abortFirstChoice(client: Client, requestId: string): void {
  const { path, requestSerialize, responseDeserialize } = service.abortChoices;
  client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { requestId, indexes: [0] }, () => {});
}

function embedSomething(client: Client, requestId: string): Promise<number> {
  const { path, requestSerialize, responseDeserialize } = service.embed;
  const tokenIds = Array.from({ length: between(1, 40) }, (_, index) => index);
  const request = { requestId, tokenIds, priority: 0, cacheSalt: "", tenant: "" };
  const options = chance(0.2) ? { deadline: Date.now() + between(1, 30) } : {};
  return new Promise((resolve) => {
    const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, options, () => {});
    call.on("status", ({ code }) => resolve(code));
    if (chance(0.2)) cancelIn(between(0, 20), call);
  });
}

test(`after ${numRequests} requests of every kind nothing is left of any`, { timeout: 120_000 }, async () => {
  const tokenBytes = Array.from({ length: 97 }, (_, id) => (id === 0 ? new Uint8Array(0) : Uint8Array.of(0x20 + id)));
  const arena = { arenaBytes: 256 * 1024, maxGrammarBytes: 64 * 1024 };
  const grammars = await Grammars.create({ tokenBytes, ...arena });
  const compiler = compileHere(await GrammarCompiler.create({ tokenBytes, ...arena }));
  const executor = new FakeExecutor({ numBlocks });
  const loopback = new LoopbackEngine(executor, limits, { grammars, arena, compiler, maxTextBytes: 1000 });
  const client = await loopback.listen();
  await loopback.load();
  // The connection has timers of its own.
  await generateSomething(client, "first");
  const numTimersBefore = countTimers();

  const endings = new Map<number, number>();
  let numAsked = 0;
  const ask = async (): Promise<void> => {
    while (numAsked < numRequests) {
      numAsked += 1;
      const id = `request ${numAsked}`;
      const code = await (chance(0.15) ? embedSomething(client, id) : generateSomething(client, id));
      endings.set(code, (endings.get(code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: numAtOnce }, ask));
  await loopback.untilLoad(({ numRunning, numWaiting, numFreeBlocks }) => {
    return numRunning + numWaiting === 0 && numFreeBlocks === numBlocks;
  });

  const { totals } = loopback.engine.load();
  expect(totals.preemptions).toBeGreaterThan(10);
  // OK, CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED.
  for (const code of [0, 1, 4, 8]) expect(endings.get(code), `status ${code}`).toBeGreaterThan(10);
  expect(grammars.numOpen).toBe(0);
  expect(loopback.compiledGrammars?.numLeased).toBe(0);
  expect(grammars.numInstalled).toBe(loopback.compiledGrammars?.numKept);
  const none = Object.fromEntries(perRequest.map(({ name }) => [name, 0]));
  await expect.poll(countObjects, { timeout: 10_000 }).toEqual(none);
  expect(countTimers()).toBeLessThanOrEqual(numTimersBefore);
  await loopback.close();
});
