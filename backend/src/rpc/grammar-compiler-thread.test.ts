import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { createModelGrammars } from "#engine/grammar/model-grammars.ts";
import type { GrammarId } from "#engine/grammar/compiled-grammar.ts";
import { GrammarCompilerThread } from "./grammar-compiler-thread.ts";

const modelDir = fileURLToPath(new URL("../../../models/pocket", import.meta.url));
const vocabSize = 2048;
const grammars = { modelDir, arena: { arenaBytes: 8 << 20, maxGrammarBytes: 2 << 20 } };
const easy = { ebnf: 'root ::= "a"\n', offset: 0 };
const slow = `root ::= ${Array.from({ length: 40 }, (_, index) => `[^${index % 10}]{0,200} "${index}"`).join(" ")}\n`;
const opened: GrammarCompilerThread[] = [];

function createThread(timeoutMs = 60_000, options = grammars): GrammarCompilerThread {
  const thread = new GrammarCompilerThread(options, timeoutMs);
  opened.push(thread);
  return thread;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((thread) => thread.close()));
});

test("what another thread compiled can be followed in this one", async () => {
  const thread = createThread();
  const here = await createModelGrammars(grammars, vocabSize);
  for (const [index, offset] of [0, 1 << 20].entries()) {
    const outcome = await thread.compile({ ...easy, offset }, vocabSize);
    if (outcome.kind !== "compiled") throw new Error(outcome.detail);
    const id = index as GrammarId;
    here?.install(id, outcome.compiled);
    expect(here?.faultOf(id)).toBeUndefined();
    const sequence = here?.open(id);
    expect(sequence?.allowedNext([0], true)?.some((word) => word !== 0)).toBe(true);
    sequence?.close();
  }
});

test("one on which XGrammar aborts is a fault, and does no harm to the next", async () => {
  const thread = createThread();
  const outcome = await thread.compile({ ebnf: 'root ::= "a', offset: 0 }, vocabSize);
  expect(outcome).toMatchObject({ kind: "fault", detail: expect.stringContaining("Aborted") });
  expect((await thread.compile(easy, vocabSize)).kind).toBe("compiled");
});

test("one that takes too long is given up, and the next is compiled", async () => {
  const thread = createThread(100);
  expect((await thread.compile(easy, vocabSize)).kind).toBe("compiled");
  const outcome = await thread.compile({ ebnf: slow, offset: 0 }, vocabSize);
  expect(outcome).toEqual({ kind: "timeout", detail: "not compiled within 100 ms" });
  expect((await thread.compile(easy, vocabSize)).kind).toBe("compiled");
});

test("one that takes more memory than a grammar may is a fault", async () => {
  const arena = { arenaBytes: 64 * 1024, maxGrammarBytes: 16 * 1024 };
  const thread = createThread(60_000, { modelDir, arena });
  const outcome = await thread.compile({ ebnf: "root ::= [a-z]{0,300}\n", offset: 0 }, vocabSize);
  expect(outcome).toMatchObject({ kind: "fault", detail: expect.stringContaining("more than 16384 bytes") });
});

test("without a tokenizer every grammar is a fault", async () => {
  const thread = createThread(60_000, { ...grammars, modelDir: fileURLToPath(new URL(".", import.meta.url)) });
  const outcome = await thread.compile(easy, vocabSize);
  expect(outcome).toMatchObject({ kind: "fault", detail: expect.stringContaining("tokenizer.json") });
});

test("a thread that cannot start is an error, each time", async () => {
  const thread = createThread(60_000, { ...grammars, arena: { arenaBytes: 3 * 2 ** 30, maxGrammarBytes: 1 } });
  await expect(thread.compile(easy, vocabSize)).rejects.toThrow("no heap has room");
  await expect(thread.compile(easy, vocabSize)).rejects.toThrow("no heap has room");
});

test("closing ends what is being compiled, and nothing is compiled any more", async () => {
  const thread = createThread();
  await thread.compile(easy, vocabSize);
  const compiling = thread.compile({ ebnf: slow, offset: 0 }, vocabSize);
  await thread.close();
  expect(await compiling).toMatchObject({ kind: "fault" });
  await expect(thread.compile(easy, vocabSize)).rejects.toMatchObject({ code: "unavailable" });
});
