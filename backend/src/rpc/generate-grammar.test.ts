import { status } from "@grpc/grpc-js";
import type { Client } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeExecutor } from "#engine/executor/fake-executor.ts";
import { GrammarCompiler } from "#engine/grammar/grammar-compiler.ts";
import { Grammars } from "#engine/grammar/grammars.ts";
import { compileHere } from "./compile-here.ts";
import type { Compilation } from "./grammar-compiler-thread.ts";
import { generateRequest, LoopbackEngine, startGenerate, untilEnd } from "./loopback-engine.ts";

const tokenBytes = Array.from({ length: 97 }, (_, id) => (id === 0 ? new Uint8Array(0) : Uint8Array.of(0x20 + id)));
const arena = { arenaBytes: 1 << 20, maxGrammarBytes: 1 << 18 };
const limits = { maxNumBatchedTokens: 64, maxNumSeqs: 4, maxQueuedRequests: 8, maxQueuedTokens: 1_000 };
const grammar = { ebnf: "root ::= [a-z]*\n" };
const endless = { grammar, stopping: { maxTokens: 100_000, stopTokenIds: [] } };

let loopback: LoopbackEngine;
let client: Client;
let engineGrammars: Grammars;
/** What the compiler waits for, and what it says instead of compiling. */
let beforeCompiling: () => Promise<Compilation | undefined>;

beforeEach(async () => {
  beforeCompiling = () => Promise.resolve(undefined);
  engineGrammars = await Grammars.create({ tokenBytes, ...arena });
  const real = compileHere(await GrammarCompiler.create({ tokenBytes, ...arena }));
  const compiler = {
    ...real,
    compile: async (...asked: Parameters<typeof real.compile>) => (await beforeCompiling()) ?? real.compile(...asked),
  };
  const executor = new FakeExecutor({ numBlocks: 4096, maxModelLen: 1_000_000 });
  loopback = new LoopbackEngine(executor, limits, { grammars: engineGrammars, arena, compiler, maxTextBytes: 1000 });
  client = await loopback.listen();
  await loopback.load();
});

afterEach(async () => {
  await loopback.close();
});

/** Holds the compiler until `release`. */
function holdCompiler(): { reached: Promise<void>; release: (instead?: Compilation) => void } {
  const { promise: released, resolve: release } = Promise.withResolvers<Compilation | undefined>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  beforeCompiling = () => {
    reach();
    return released;
  };
  return { reached, release };
}

/** No lease, no open grammar, no sequence, no block. */
async function expectNothingLeft(): Promise<void> {
  await expect.poll(() => loopback.compiledGrammars?.numLeased, { timeout: 10_000 }).toBe(0);
  await loopback.untilLoad(({ numRunning, numWaiting, numFreeBlocks }) => {
    return numRunning + numWaiting === 0 && numFreeBlocks === 4096;
  });
  expect(engineGrammars.numOpen).toBe(0);
}

test("a grammar is leased as long as its call lives", async () => {
  const call = startGenerate(client, generateRequest("a", endless));
  const ended = untilEnd(call);
  await loopback.untilLoad(({ totals }) => totals.generationTokens > 10);
  expect(loopback.compiledGrammars?.numLeased).toBe(1);
  expect(engineGrammars.numOpen).toBe(1);
  const { error } = await untilEnd(startGenerate(client, generateRequest("b", { grammar })));
  expect(error).toBeUndefined();
  expect(loopback.compiledGrammars?.numLeased).toBe(1);
  call.cancel();
  await ended;
  await expectNothingLeft();
  expect(loopback.compiledGrammars?.numKept).toBe(1);
});

test("others run on while a grammar is compiled", async () => {
  const hold = holdCompiler();
  const bound = untilEnd(startGenerate(client, generateRequest("bound", { grammar })));
  await hold.reached;
  expect((await untilEnd(startGenerate(client, generateRequest("free")))).error).toBeUndefined();
  hold.release();
  const { error, tokenIds } = await bound;
  expect(error).toBeUndefined();
  expect(tokenIds.every((id) => id >= 0x41 && id <= 0x5a)).toBe(true);
});

test("a caller who leaves while its grammar is compiled leaves nothing", async () => {
  const hold = holdCompiler();
  const call = startGenerate(client, generateRequest("a", endless));
  const ended = untilEnd(call);
  await hold.reached;
  call.cancel();
  expect((await ended).error?.code).toBe(status.CANCELLED);
  const next = untilEnd(startGenerate(client, generateRequest("b", { grammar })));
  hold.release();
  expect((await next).error).toBeUndefined();
  await expectNothingLeft();
});

test("a deadline that passes while the grammar is compiled leaves nothing", async () => {
  const hold = holdCompiler();
  // On a slow machine it passes before that.
  const call = startGenerate(client, generateRequest("a", endless), { deadline: Date.now() + 200 });
  expect((await untilEnd(call)).error?.code).toBe(status.DEADLINE_EXCEEDED);
  hold.release();
  await expectNothingLeft();
});

test("a grammar that takes too long, and one that is malformed, is INVALID_ARGUMENT, and others run on", async () => {
  const outcomes: Compilation[] = [
    { kind: "timeout", detail: "not compiled within 1 ms" },
    { kind: "fault", detail: "Aborted" },
  ];
  for (const outcome of outcomes) {
    const hold = holdCompiler();
    const bound = untilEnd(startGenerate(client, generateRequest(outcome.kind, { grammar })));
    await hold.reached;
    hold.release(outcome);
    const { error } = await bound;
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(error?.metadata.get("sluice-error-code")).toEqual(["invalid_grammar"]);
  }
  expect((await untilEnd(startGenerate(client, generateRequest("free")))).error).toBeUndefined();
  await expectNothingLeft();
});

test("a compiler that breaks ends the call with INTERNAL, and not the engine", async () => {
  beforeCompiling = () => Promise.reject(new Error("no thread"));
  const { error } = await untilEnd(startGenerate(client, generateRequest("a", { grammar })));
  expect(error?.code).toBe(status.INTERNAL);
  beforeCompiling = () => Promise.resolve(undefined);
  expect((await untilEnd(startGenerate(client, generateRequest("b", { grammar })))).error).toBeUndefined();
  await expectNothingLeft();
});

test("a request that the engine refuses gives its grammar back", async () => {
  const promptTokenIds = [1_000_000];
  const { error } = await untilEnd(startGenerate(client, generateRequest("a", { grammar, promptTokenIds })));
  expect(error?.code).toBe(status.INVALID_ARGUMENT);
  await expectNothingLeft();
});

test("a call whose grammar is compiled after the drain began is UNAVAILABLE", async () => {
  const hold = holdCompiler();
  const bound = untilEnd(startGenerate(client, generateRequest("a", { grammar })));
  await hold.reached;
  const drained = loopback.server.drain(60_000);
  hold.release();
  expect((await bound).error?.code).toBe(status.UNAVAILABLE);
  await drained;
  await expectNothingLeft();
});
