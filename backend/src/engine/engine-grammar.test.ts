import { beforeAll, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { FakeExecutor } from "./executor/fake-executor.ts";
import type { GenerationRequest } from "./generation.ts";
import type { GrammarId } from "./grammar/compiled-grammar.ts";
import type { Grammars } from "./grammar/grammars.ts";
import { LocalGrammars } from "./grammar/local-grammars.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import { answersOf, limits, request, runToEnd, upTo } from "./test-requests.ts";

const stop = 0;
const tokens = ["", ...Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index)), "ab", '{"'];
const list = 'root ::= "[" item ("," item){1,4} "]"\nitem ::= [a-z]{1,3} | "-"? [1-9] [0-9]{0,2}\n';
const listPattern = /^\[([a-z]{1,3}|-?[1-9]\d{0,2})(,([a-z]{1,3}|-?[1-9]\d{0,2})){1,4}\]$/;

let local: LocalGrammars;
let grammars: Grammars;

beforeAll(async () => {
  const encoder = new TextEncoder();
  const tokenBytes = tokens.map((token) => encoder.encode(token));
  local = await LocalGrammars.create(tokenBytes);
  grammars = local.grammars;
});

function createEngine(spec = {}, beforeStep?: () => void): Engine {
  return new Engine(new FakeExecutor({ numBlocks: 256, ...spec }, beforeStep), limits, true, grammars);
}

/** Sampled at temperature 1, with a grammar. */
function sampled(id: number, grammar = list, maxTokens = 64): GenerationRequest {
  return {
    ...request(id, upTo(5 + (id % 7)), maxTokens),
    sampling: { temperature: 1, topP: 1, topK: 0, seed: 1000 + id },
    stopping: { maxTokens, stopTokenIds: [stop] },
    grammar: local.compile(grammar),
  };
}

const textOf = (tokenIds: readonly number[]): string => tokenIds.map((id) => tokens[id]).join("");

test("whatever is sampled matches the grammar and then ends", async () => {
  const engine = createEngine();
  for (let id = 0; id < 40; id += 1) engine.add(sampled(id));
  const answers = await runToEnd(engine);
  expect(answers).toHaveLength(40);
  for (const { tokenIds, last } of answers) {
    expect(textOf(tokenIds)).toMatch(listPattern);
    expect(last).toMatchObject({ kind: "finished", finish: { reason: "stop", stopTokenId: stop } });
  }
  expect(new Set(answers.map(({ tokenIds }) => textOf(tokenIds))).size).toBeGreaterThan(30);
  expect(grammars.numOpen).toBe(0);
});

test("a sequence is the same alone, in company, and preempted", async () => {
  const alone: number[][] = [];
  for (let id = 0; id < 12; id += 1) {
    const engine = createEngine();
    engine.add(sampled(id));
    alone.push(...(await runToEnd(engine)).map(({ tokenIds }) => tokenIds));
  }
  const crowded = createEngine({ numBlocks: 12 });
  for (let id = 0; id < 12; id += 1) crowded.add(sampled(id));
  const answers = await runToEnd(crowded);
  expect(crowded.load().totals.preemptions).toBeGreaterThan(0);
  expect(answers.map(({ tokenIds }) => tokenIds)).toEqual(alone);
});

test("choices of one request each follow the grammar", async () => {
  const engine = createEngine();
  engine.add({ ...sampled(1), forkIds: [2, 3, 4] as SequenceId[] });
  const answers = await runToEnd(engine);
  expect(answers).toHaveLength(4);
  for (const { tokenIds } of answers) expect(textOf(tokenIds)).toMatch(listPattern);
  expect(grammars.numOpen).toBe(0);
});

test("without a stop token the sequence ends where nothing can follow", async () => {
  const engine = createEngine();
  engine.add({ ...sampled(1, 'root ::= "yes" | "no"\n'), stopping: { maxTokens: 9, stopTokenIds: [] } });
  const [answer] = await runToEnd(engine);
  expect(textOf(answer?.tokenIds ?? [])).toMatch(/^(yes|no)$/);
  expect(answer?.last).toMatchObject({ kind: "finished", finish: { reason: "stop" } });
  expect(answer?.last).not.toHaveProperty("finish.stopTokenId");
});

test("a least length holds as long as the grammar has another way", async () => {
  const engine = createEngine();
  const stopping = { maxTokens: 20, stopTokenIds: [stop], minTokens: 6 };
  engine.add({ ...sampled(1, 'root ::= "a"*\n'), stopping });
  engine.add({ ...sampled(2, 'root ::= "xyz"\n'), stopping });
  const [long, short] = await runToEnd(engine);
  expect(long?.tokenIds.length).toBeGreaterThanOrEqual(6);
  expect(textOf(short?.tokenIds ?? [])).toBe("xyz");
});

test("logprobs are the model's own, whatever the grammar bans", async () => {
  const engine = createEngine();
  engine.add({ ...sampled(1, 'root ::= "k"\n'), logprobs: { numTop: 20, prompt: false } });
  const events = await engine.step();
  const [event] = events;
  if (event?.kind !== "tokens") throw new Error("no token");
  const [own] = event.logprobs?.tokens ?? [];
  expect(own?.topTokenIds).toHaveLength(20);
  expect(own?.logprob).toBeLessThan(0);
  engine.abort(1 as SequenceId);
});

test("adjustments do not bring back what the grammar bans", async () => {
  const engine = createEngine();
  const logitBias = tokens.map((_, tokenId) => ({ tokenId, bias: tokenId % 2 === 0 ? 100 : -100 }));
  const adjustments = { presencePenalty: 2, frequencyPenalty: -2, repetitionPenalty: 0.5, logitBias };
  engine.add({ ...sampled(1), sampling: { temperature: 1, topP: 0.9, topK: 5, minP: 0.1, seed: 3, adjustments } });
  const [answer] = await runToEnd(engine);
  expect(textOf(answer?.tokenIds ?? [])).toMatch(listPattern);
});

test("every ending frees the grammar: complete, length, aborted, failed", async () => {
  let isBroken = false;
  const engine = createEngine({}, () => {
    if (isBroken) throw new Error("broken");
  });
  engine.add(sampled(1));
  engine.add(sampled(2, list, 2));
  engine.add(sampled(3, 'root ::= "a"*\n', 500));
  engine.add(sampled(4, 'root ::= "a"*\n', 500));
  engine.add({ ...sampled(5, 'root ::= "a"*\n', 500), forkIds: [6, 7] as SequenceId[] });
  expect(grammars.numOpen).toBe(7);
  const events = [...(await engine.step())];
  const aborted = engine.abort(3 as SequenceId);
  expect(aborted).toMatchObject({ kind: "finished", finish: { reason: "abort" } });
  expect(grammars.numOpen).toBe(6);
  for (let step = 0; step < 40; step += 1) events.push(...(await engine.step()));
  isBroken = true;
  while (engine.hasWork) events.push(...(await engine.step()));
  const endings = answersOf(events).map(({ id, last }) => [
    id,
    last.kind === "finished" ? last.finish.reason : last.kind,
  ]);
  expect(Object.fromEntries(endings)).toMatchObject({ 1: "stop", 2: "length" });
  expect(grammars.numOpen).toBe(0);
  expect(engine.load().numFreeBlocks).toBe(engine.load().numBlocks);
});

test("a grammar is refused where it is not installed, and where there is no tokenizer", () => {
  const engine = createEngine();
  const unknown = 1_000_000 as GrammarId;
  expect(engine.add({ ...sampled(1), grammar: unknown })).toMatchObject({ admitted: false, code: "internal_error" });
  expect(engine.hasWork).toBe(false);
  const bare = new Engine(new FakeExecutor(), limits);
  expect(bare.add(sampled(1))).toMatchObject({ admitted: false, code: "invalid_value" });
});
