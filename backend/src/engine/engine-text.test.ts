// What an engine that knows its vocabulary's bytes writes freely is text.
import { beforeAll, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { FakeExecutor } from "./executor/fake-executor.ts";
import type { GenerationRequest } from "./generation.ts";
import type { Grammars } from "./grammar/grammars.ts";
import { LocalGrammars } from "./grammar/local-grammars.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import { limits, request, runToEnd, upTo } from "./test-requests.ts";
import { pieceBytes, pieceText } from "./test-vocabulary.ts";

const stop = 0;
const numRequests = 48;
let grammars: Grammars;

beforeAll(async () => {
  ({ grammars } = await LocalGrammars.create(pieceBytes));
});

const adjustments = { presencePenalty: 1, frequencyPenalty: -1, repetitionPenalty: 1.2, logitBias: [] };
const samplings = [
  { temperature: 0, topP: 1, topK: 0 },
  { temperature: 1.5, topP: 1, topK: 0 },
  { temperature: 1.5, topP: 0.5, topK: 0, minP: 0.01 },
  { temperature: 1, topP: 1, topK: 3 },
  { temperature: 2, topP: 1, topK: 0, adjustments },
];

function asked(id: number): GenerationRequest {
  const sampling = samplings[id % samplings.length] ?? samplings[0]!;
  return {
    ...request(id, upTo(3 + (id % 11)), 24),
    sampling: { ...sampling, seed: 7 * id },
    stopping: { maxTokens: 24, stopTokenIds: [stop], minTokens: id % 3 },
    ...(id % 4 === 1 && { logprobs: { numTop: 2, prompt: false } }),
  };
}

function createEngine(withBytes: boolean, numBlocks = 512): Engine {
  return new Engine(new FakeExecutor({ numBlocks }), limits, true, withBytes ? grammars : undefined);
}

const isText = (tokenIds: readonly number[]): boolean => {
  try {
    pieceText(tokenIds);
    return true;
  } catch {
    return false;
  }
};

async function answersOf(engine: Engine, ids: readonly number[]): Promise<number[][]> {
  for (const id of ids) expect(engine.add(asked(id))).toMatchObject({ admitted: true });
  return (await runToEnd(engine)).map(({ tokenIds }) => tokenIds);
}

const all = upTo(numRequests);

test("every output is text, however it is sampled, and does not stop inside a character", async () => {
  const engine = createEngine(true);
  for (const id of all) engine.add(asked(id));
  const answers = await runToEnd(engine);
  expect(answers.filter(({ tokenIds }) => !isText(tokenIds))).toEqual([]);
  const stopped = answers.filter(({ last }) => last.kind === "finished" && last.finish.reason === "stop");
  expect(stopped.length).toBeGreaterThan(0);
  for (const { tokenIds } of stopped) {
    const bytes = Uint8Array.from(tokenIds.flatMap((id) => [...pieceBytes[id]!]));
    expect(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)).not.toThrow();
  }
  const unknowing = await answersOf(createEngine(false), all);
  expect(unknowing.filter((tokenIds) => !isText(tokenIds)).length).toBeGreaterThan(numRequests / 2);
});

test("an output is the same alone, in company and preempted", async () => {
  const alone: number[][] = [];
  for (const id of all.slice(0, 12)) alone.push(...(await answersOf(createEngine(true), [id])));
  const crowded = createEngine(true, 24);
  expect(await answersOf(crowded, all.slice(0, 12))).toEqual(alone);
  expect(crowded.load().totals.preemptions).toBeGreaterThan(0);
});

test("each choice is text by itself", async () => {
  const engine = createEngine(true);
  engine.add({ ...asked(1), logprobs: undefined, forkIds: [2, 3, 4] as SequenceId[] });
  const answers = await runToEnd(engine);
  expect(answers).toHaveLength(4);
  expect(answers.filter(({ tokenIds }) => !isText(tokenIds))).toEqual([]);
});
