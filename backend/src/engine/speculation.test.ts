// What is guessed ahead changes nothing but the number of steps: over the real executor, tokens, logprobs and endings are those
// of an engine that guesses nothing, to the bit. Prompts repeat themselves, so that there is something to guess.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { createCpuExecutor } from "./executor/cpu-executor.ts";
import type { Executor, ScheduledSequence } from "./executor/executor.ts";
import type { GenerationRequest, SequenceEvent } from "./generation.ts";
import type { GrammarId } from "./grammar/compiled-grammar.ts";
import { LocalGrammars } from "./grammar/local-grammars.ts";
import { readTokenBytes } from "./grammar/read-token-bytes.ts";
import { joinEvents } from "./join-events.ts";
import { seededRandom } from "@sluice/shared/test-data/seeded-random.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const modelDir = `${root}models/pocket`;
const numBlocks = 256;
const limits = { maxNumBatchedTokens: 96, maxNumSeqs: 12, maxQueuedRequests: 64, maxQueuedTokens: 100_000 };
const speculation = { numSpeculativeTokens: 6, promptLookupMax: 3, promptLookupMin: 1 };

const greedy = { temperature: 0, topP: 1, topK: 0, seed: 0 };
const adjustments = {
  presencePenalty: -0.5,
  frequencyPenalty: 0.1,
  repetitionPenalty: 0.9,
  logitBias: [{ tokenId: 7, bias: 2 }],
};
/** Lines of JSON without an end. */
const lines = `root ::= line+
line ::= "{\\"name\\": \\"" [a-z]* "\\", \\"age\\": " [0-9]+ "}\\n"
`;

type Change = (request: GenerationRequest, grammar: GrammarId) => GenerationRequest;
type Sampling = Partial<GenerationRequest["sampling"]>;
const sampledWith =
  (sampling: Sampling): Change =>
  (request) => ({ ...request, sampling: { ...request.sampling, ...sampling } });
const some = sampledWith({ temperature: 0.6, topP: 0.95 });

const cases: Readonly<Record<string, Change>> = {
  greedy: (request) => request,
  "sampled from all": some,
  "sampled from few": sampledWith({ temperature: 0.6, topK: 20 }),
  "greedy, adjusted": sampledWith({ adjustments }),
  "sampled, adjusted": sampledWith({ temperature: 0.5, minP: 0.02, adjustments }),
  "with logprobs, of the prompt too": (request) => ({ ...request, logprobs: { numTop: 3, prompt: true } }),
  "under a grammar": (request, grammar) => ({ ...some(request, grammar), grammar }),
  "under a grammar, with logprobs": (request, grammar) => ({
    ...request,
    grammar,
    logprobs: { numTop: 2, prompt: false },
  }),
  "of three choices": (request, grammar) => {
    const forkIds = [1, 2].map((index) => (100 * index + request.sequenceId) as SequenceId);
    return { ...some(request, grammar), forkIds };
  },
  "ended by any of many tokens, but not soon": (request) => ({
    ...request,
    // Those of the prompt are what the output is likely to have.
    stopping: { maxTokens: 40, stopTokenIds: [...new Set(request.promptTokenIds)].slice(0, 3), minTokens: 9 },
  }),
};

describe.each(["int8", "int4", "fp32"] as const)("in %s", (precision) => {
  let executor: Executor;
  let local: LocalGrammars;
  beforeAll(async () => {
    const cacheDir = `${root}.sluice/cache`;
    executor = await createCpuExecutor({ modelDir, precision, cacheDir, blockSize: 16, numBlocks, numThreads: 1 });
    local = await LocalGrammars.create((await readTokenBytes(modelDir, executor.spec.vocabSize)) ?? []);
  });
  afterAll(() => executor.close());

  const createEngine = (isSpeculating: boolean, on: Executor = executor, prefixCaching = false): Engine =>
    new Engine(on, limits, prefixCaching, local.grammars, isSpeculating ? speculation : undefined);

  test.each(Object.entries(cases))("guessing changes nothing, and spares steps: %s", async (_, change) => {
    const grammar = local.compile(lines);
    const requests = repetitiveRequests(10).map((each) => change(each, grammar));
    const expected = await answer(createEngine(false), requests);
    const engine = createEngine(true);
    const actual = await answer(engine, requests);
    expect(actual.answers).toEqual(expected.answers);
    const { draftTokens, acceptedTokens } = engine.load().totals;
    expect(acceptedTokens).toBeGreaterThan(20);
    expect(draftTokens).toBeGreaterThan(acceptedTokens);
    expect(actual.numSteps).toBeLessThan(expected.numSteps);
    expect(engine.load()).toMatchObject({
      numFreeBlocks: numBlocks,
      totals: { ...expected.totals, ...actual.drafted },
    });
  });

  test("sequences that are preempted again and again, with guesses and without, give the same", async () => {
    const requests = repetitiveRequests(12).map((each, index) => (index % 2 === 0 ? each : some(each, 0 as GrammarId)));
    const expected = await answer(createEngine(false), requests);
    const engine = createEngine(true, withBlocks(executor, 14));
    const actual = await answer(engine, requests);
    expect(actual.answers.map(outcome)).toEqual(expected.answers.map(outcome));
    const { preemptions, acceptedTokens } = engine.load().totals;
    expect(preemptions).toBeGreaterThan(0);
    expect(acceptedTokens).toBeGreaterThan(20);
    expect(engine.load().numFreeBlocks).toBe(14);
  });

  test("what is cached of guessed tokens is what would be cached without", async () => {
    // A pool of its own: what a cache keeps, nobody else may write to.
    const half = numBlocks / 2;
    const engine = createEngine(true, withBlocks(executor, half, half), true);
    let requests = repetitiveRequests(8);
    for (let turn = 1; turn <= 3; turn += 1) {
      const expected = await answer(createEngine(false, withBlocks(executor, half)), requests);
      const actual = await answer(engine, requests);
      expect(actual.answers.map(outcome)).toEqual(expected.answers.map(outcome));
      // Conversations: the next prompt is the last one and its answer, which were computed ahead in part.
      requests = requests.map((request, index) => ({
        ...request,
        promptTokenIds: [...request.promptTokenIds, ...(expected.answers[index]?.tokenIds ?? []), turn],
      }));
    }
    const { prefixCacheHits, acceptedTokens } = engine.load().totals;
    expect(prefixCacheHits).toBeGreaterThan(500);
    expect(acceptedTokens).toBeGreaterThan(20);
  });

  test("a sequence aborted while its guesses are computed is told no more of, and the others go on", async () => {
    const requests = repetitiveRequests(6);
    const expected = await answer(createEngine(false), requests);
    const victims = new Set<SequenceId>();
    const aborting: Executor = {
      ...withBlocks(executor, numBlocks),
      execute: async (batch) => {
        const isDrafted =
          batch.length > 4 && batch.some(({ tokenIds, numLogits }) => tokenIds.length > 1 && numLogits > 1);
        const victim = isDrafted && victims.size < 2 ? requests[victims.size]?.sequenceId : undefined;
        const logits = await executor.execute(batch);
        if (victim === undefined || engine.abort(victim) === undefined) return logits;
        victims.add(victim);
        return logits;
      },
    };
    const engine = createEngine(true, aborting);
    const { answers } = await answer(engine, requests);
    expect(victims.size).toBe(2);
    const isSurvivor = ({ id }: Told) => !victims.has(id);
    expect(answers.filter(isSurvivor)).toEqual(expected.answers.filter(isSurvivor));
    for (const { id, tokenIds } of answers.filter((each) => !isSurvivor(each))) {
      const whole = expected.answers.find((each) => each.id === id);
      expect(whole?.tokenIds.slice(0, tokenIds.length)).toEqual(tokenIds);
    }
    expect(engine.load()).toMatchObject({ numFreeBlocks: numBlocks, numRunning: 0 });
  });

  test("a step that fails with guesses in it is tried again without, also for those beside them", async () => {
    const requests = repetitiveRequests(6);
    const expected = await answer(createEngine(false), requests);
    let numBeside = 0;
    const failing: Executor = {
      ...withBlocks(executor, numBlocks),
      execute: (batch) => {
        const drafted = batch.filter(({ tokenIds, numLogits }) => tokenIds.length > 1 && numLogits > 1);
        if (drafted.length === 0) return executor.execute(batch);
        numBeside += batch.length - drafted.length;
        return Promise.reject(new Error("broken"));
      },
    };
    const actual = await answer(createEngine(true, failing), requests);
    expect(numBeside).toBeGreaterThan(0);
    expect(actual.answers).toEqual(expected.answers);
  });
});

/** Prompts in which a few tokens come again and again, of 20 to 80 tokens; each with a seed of its own. */
function repetitiveRequests(count: number): GenerationRequest[] {
  return Array.from({ length: count }, (_, id) => {
    const random = seededRandom(id + 1);
    const below = (bound: number) => Math.floor(random() * bound);
    const phrase = Array.from({ length: 2 + below(6) }, () => 40 + below(400));
    const promptTokenIds = Array.from({ length: 20 + below(60) }, (__, index) => phrase[index % phrase.length] ?? 0);
    return {
      sequenceId: id as SequenceId,
      promptTokenIds,
      sampling: { ...greedy, seed: id },
      stopping: { maxTokens: 20 + below(30), stopTokenIds: [] },
      priority: 0,
      cacheSalt: "",
      tenant: "",
    };
  });
}

/** All that was told of a sequence, as if in one event. */
interface Told {
  readonly id: SequenceId;
  readonly tokenIds: readonly number[];
  readonly event: SequenceEvent | undefined;
}

async function answer(engine: Engine, requests: readonly GenerationRequest[]) {
  for (const request of requests) expect(engine.add(request)).toMatchObject({ admitted: true });
  const told = new Map<SequenceId, SequenceEvent[]>();
  let numSteps = 0;
  for (; engine.hasWork; numSteps += 1) {
    for (const event of await engine.step()) {
      told.set(event.sequenceId, [...(told.get(event.sequenceId) ?? []), event]);
    }
  }
  const answers = [...told].map(([id, events]): Told => {
    const [event, ...others] = joinEvents(events);
    expect(others).toEqual([]);
    return { id, tokenIds: event === undefined || event.kind === "failed" ? [NaN] : event.tokenIds, event };
  });
  const { totals } = engine.load();
  const { drafts, draftTokens, acceptedTokens } = totals;
  return {
    answers: answers.toSorted((a, b) => a.id - b.id),
    numSteps,
    totals,
    drafted: { drafts, draftTokens, acceptedTokens },
  };
}

/** Without how much of the prompt was found in a cache. */
const outcome = ({ id, tokenIds, event }: Told) => ({
  id,
  tokenIds,
  reason: event?.kind === "finished" && event.finish.reason,
});

/** The same executor with `count` of its blocks, from `first` on. */
function withBlocks(executor: Executor, count: number, first = 0): Executor {
  const shift = (sequence: ScheduledSequence) => ({
    ...sequence,
    blockTable: sequence.blockTable.map((id) => (id + first) as typeof id),
  });
  return {
    spec: { ...executor.spec, numBlocks: count },
    execute: (batch) => executor.execute(batch.map(shift)),
    close: () => Promise.resolve(),
  };
}
