import { expect, test } from "vitest";
import type { LoadedModel } from "#engine/engine-client.ts";
import { FakeExecutor } from "#engine/executor/fake-executor.ts";
import type { CompiledGrammar, GrammarId } from "#engine/grammar/compiled-grammar.ts";
import { systemClock } from "#platform/clock.ts";
import { CompiledGrammars } from "./compiled-grammars.ts";
import type { Compilation } from "./grammar-compiler-thread.ts";

const arena = { arenaBytes: 1024, maxGrammarBytes: 256 };
const sizeBytes = 200;

interface Asked {
  readonly offset: number;
  readonly answer: (outcome: Compilation) => void;
}

/** With a compiler that answers when it is told to, and an engine that remembers what it was told. */
function createBench() {
  const asked: Asked[] = [];
  const told: string[] = [];
  const engine = {
    model: { spec: new FakeExecutor().spec, load: {} as never } as LoadedModel | undefined,
    installGrammar: (id: number, { offset }: CompiledGrammar) => void told.push(`install ${id} at ${offset}`),
    dropGrammar: (id: number) => void told.push(`drop ${id}`),
  };
  const compiler = {
    compile: ({ offset }: { readonly offset: number }) =>
      new Promise<Compilation>((answer) => {
        asked.push({ offset, answer });
      }),
    close: () => Promise.resolve(),
  };
  return {
    asked,
    told,
    engine,
    grammars: new CompiledGrammars({ maxTextBytes: 100, arena, compiler, client: engine, clock: systemClock }),
  };
}

type Bench = ReturnType<typeof createBench>;

/** Asks for a grammar, for a tenant. */
function ask(bench: Bench, text: string, { tenant = "org", signal = new AbortController().signal } = {}) {
  return bench.grammars.compile(text, { tenant, priority: 0, signal });
}

function compiledAt(offset: number): Compilation {
  const compiled: CompiledGrammar = { heapFingerprint: "", offset, address: 0, bytes: new Uint8Array(sizeBytes) };
  return { kind: "compiled", compiled };
}

/** Lets everything that is settled be heard. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function compileAll(bench: Bench, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    const lease = ask(bench, text);
    await settle();
    const asked = bench.asked.at(-1);
    asked?.answer(compiledAt(asked.offset));
    (await lease).release();
  }
}

test("a grammar is compiled once however many ask for it, and is then had without waiting", async () => {
  const bench = createBench();
  expect(bench.grammars.find("a")).toBeUndefined();
  const leases = Promise.all([ask(bench, "a"), ask(bench, "a"), ask(bench, "a")]);
  await settle();
  expect(bench.asked).toHaveLength(1);
  bench.asked[0]?.answer(compiledAt(0));
  const ids = (await leases).map(({ id }) => id);
  expect(ids).toEqual([1, 1, 1] as GrammarId[]);
  expect(bench.told).toEqual(["install 1 at 0"]);
  expect(bench.grammars.find("a")?.id).toBe(1);
  expect(bench.asked).toHaveLength(1);
});

test("what is leased stays; what nobody leases goes when room is needed, the least recently used first", async () => {
  const bench = createBench();
  await compileAll(bench, ["a", "b", "c", "d"]);
  expect(bench.told).toEqual(["install 1 at 0", "install 2 at 208", "install 3 at 416", "install 4 at 624"]);
  const lease = bench.grammars.find("a");
  await compileAll(bench, ["e"]);
  // The hole that "b" left is too small for the largest grammar; with that of "c" it is not.
  expect(bench.told.slice(4)).toEqual(["drop 2", "drop 3", "install 5 at 208"]);
  expect(bench.grammars.numLeased).toBe(1);
  lease?.release();
  lease?.release();
  expect(bench.grammars.numLeased).toBe(0);
});

/** Answers what is asked of the compiler, until nothing is. */
async function answerAll(bench: Bench): Promise<void> {
  for (let numAnswered = 0; ;) {
    await settle();
    const each = bench.asked[numAnswered];
    if (each === undefined) return;
    each.answer(compiledAt(each.offset));
    numAnswered += 1;
  }
}

test("while everything is leased a new grammar waits, for as long as somebody wants it", async () => {
  const bench = createBench();
  const leases = ["a", "b", "c", "d"].map((text) => ask(bench, text));
  const leaving = new AbortController();
  const left = ask(bench, "e", { signal: leaving.signal });
  const waits = ask(bench, "f");
  left.catch(() => {});
  await answerAll(bench);
  const held = await Promise.all(leases);
  expect(bench.grammars.numLeased).toBe(4);
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  await settle();
  expect(bench.asked).toHaveLength(4);
  held[1]?.release();
  held[2]?.release();
  await answerAll(bench);
  expect((await waits).id).toBe(5);
  expect(bench.told.slice(4)).toEqual(["drop 2", "drop 3", "install 5 at 208"]);
});

test("who left before it was compiled gets no lease, and what nobody wants is not compiled", async () => {
  const bench = createBench();
  const leaving = new AbortController();
  const { signal } = leaving;
  const lots = [ask(bench, "a", { signal }), ask(bench, "b", { signal }), ask(bench, "b", { signal })];
  const outcomes = Promise.allSettled(lots);
  const stays = ask(bench, "a");
  await settle();
  leaving.abort(new Error("gone"));
  expect((await outcomes).map(({ status }) => status)).toEqual(Array(3).fill("rejected"));
  await expect(ask(bench, "c", { signal })).rejects.toThrow("gone");
  await answerAll(bench);
  (await stays).release();
  expect(bench.told).toEqual(["install 1 at 0"]);
  expect(bench.grammars.numLeased).toBe(0);
});

test("a fault is refused again without a try; a timeout is tried again", async () => {
  const bench = createBench();
  const fails = async (text: string, outcome: Compilation): Promise<void> => {
    const lease = ask(bench, text);
    lease.catch(() => {});
    await settle();
    bench.asked.at(-1)?.answer(outcome);
    await expect(lease).rejects.toMatchObject({
      code: "invalid_grammar",
      message: expect.stringContaining(outcome.kind),
    });
  };
  await fails("a", { kind: "fault", detail: "fault" });
  expect(() => bench.grammars.find("a")).toThrow("fault");
  await expect(ask(bench, "a")).rejects.toMatchObject({ code: "invalid_grammar" });
  expect(bench.asked).toHaveLength(1);
  await fails("b", { kind: "timeout", detail: "timeout" });
  expect(bench.grammars.find("b")).toBeUndefined();
  await compileAll(bench, ["b"]);
  expect(bench.told).toEqual(["install 1 at 0"]);
  expect(bench.grammars.numLeased).toBe(0);
});

test("without a model there is none, and then there is", async () => {
  const bench = createBench();
  const { model } = bench.engine;
  bench.engine.model = undefined;
  await expect(ask(bench, "a")).rejects.toMatchObject({ code: "unavailable" });
  bench.engine.model = model;
  await compileAll(bench, ["a"]);
  expect(bench.told).toEqual(["install 1 at 0"]);
});

test("a text that is too long, and one too many, are refused at once", async () => {
  const bench = createBench();
  expect(() => bench.grammars.find("x".repeat(101))).toThrow("more than 100 bytes");
  // One is being compiled, and 32 wait.
  const outcomes = Array.from({ length: 35 }, (_, index) => ask(bench, `${index}`));
  for (const outcome of outcomes) outcome.catch(() => {});
  for (const refused of outcomes.slice(33))
    await expect(refused).rejects.toMatchObject({ code: "server_is_overloaded" });
  // Another tenant takes the last place of the one that has them all.
  ask(bench, "other", { tenant: "other" }).catch(() => {});
  await expect(outcomes[32]).rejects.toMatchObject({ code: "rate_limit_exceeded" });
});
