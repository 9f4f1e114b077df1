// What an engine gives does not depend on whether its executor gives logits or candidates.
import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { FakeExecutor } from "./executor/fake-executor.ts";
import type { Executor, ScheduledSequence } from "./executor/executor.ts";
import type { Grammars } from "./grammar/grammars.ts";
import { LocalGrammars } from "./grammar/local-grammars.ts";
import { selectTop } from "./sampling/rank.ts";
import { limits, request, runToEnd, upTo } from "./test-requests.ts";
import { pieceBytes } from "./test-vocabulary.ts";

const numCandidates = 16;

let grammars: Grammars;
beforeAll(async () => {
  ({ grammars } = await LocalGrammars.create(pieceBytes));
});

/** The fake executor's logits, in short where that is asked for. */
class ShortExecutor implements Executor {
  readonly spec: Executor["spec"];
  readonly #whole = new FakeExecutor();
  #rows: Float32Array[] = [];
  numShort = 0;
  numFetched = 0;

  constructor() {
    this.spec = { ...this.#whole.spec, numCandidates };
  }

  async execute(batch: readonly ScheduledSequence[]): Promise<Float32Array> {
    const { vocabSize } = this.spec;
    const asked = batch.map((each) => (each.candidates === undefined ? each : { ...each, numLogits: 1 }));
    const logits = await this.#whole.execute(asked);
    let next = 0;
    this.#rows = asked.map(({ numLogits }) => logits.subarray(next * vocabSize, (next += numLogits) * vocabSize));
    for (const [index, { candidates }] of batch.entries()) {
      if (candidates === undefined) continue;
      this.numShort += 1;
      const row = this.#rows[index]!;
      const largest = Math.max(...row);
      selectTop(row, numCandidates, candidates.tokenIds);
      candidates.logits.set(Float32Array.from(candidates.tokenIds, (id) => row[id]!));
      candidates.totalWeight = row.reduce(
        (sum, logit) => sum + Math.exp((logit - largest) / candidates.temperature),
        0,
      );
    }
    const whole = this.#rows.filter((_, index) => batch[index]?.candidates === undefined);
    return Float32Array.from(whole.flatMap((row) => [...row]));
  }

  async fetchLogits(batchIndexes: readonly number[]): Promise<Float32Array> {
    this.numFetched += batchIndexes.length;
    return Float32Array.from(batchIndexes.flatMap((index) => [...this.#rows[index]!]));
  }

  async close(): Promise<void> {}
}

test("candidates give the tokens and logprobs that logits give, and are used where they can be", async () => {
  let numShort = 0;
  let numFetched = 0;
  let numSuited = 0;
  const adjustments = { presencePenalty: 1, frequencyPenalty: 0, repetitionPenalty: 1, logitBias: [] };
  const asked = fc.record({
    sampling: fc.record({
      temperature: fc.constantFrom(0, 0.7, 1.5),
      topK: fc.constantFrom(0, 8, 40),
      topP: fc.constantFrom(0.5, 0.98),
      seed: fc.nat(99),
    }),
    promptLength: fc.integer({ min: 1, max: 30 }),
    isAdjusted: fc.boolean(),
    isLogged: fc.boolean(),
    minTokens: fc.constantFrom(0, 3),
  });
  const some = fc.array(asked, { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(some, fc.boolean(), async (all, knowsBytes) => {
      const requests = all.map(({ sampling, promptLength, isAdjusted, isLogged, minTokens }, id) => ({
        ...request(id, upTo(promptLength), 6),
        sampling: { ...sampling, ...(isAdjusted && { adjustments }) },
        stopping: { maxTokens: 6, stopTokenIds: [id], minTokens },
        ...(isLogged && { logprobs: { numTop: 2, prompt: false } }),
      }));
      const short = new ShortExecutor();
      const [expected, actual] = await Promise.all(
        [new FakeExecutor(), short].map((executor) => {
          const engine = new Engine(executor, limits, true, knowsBytes ? grammars : undefined);
          for (const each of requests) engine.add(each);
          return runToEnd(engine);
        }),
      );
      expect(actual).toEqual(expected);
      numSuited += all.filter((each) => !each.isAdjusted && !each.isLogged && each.minTokens === 0).length;
      numShort += short.numShort;
      numFetched += short.numFetched;
    }),
    { numRuns: 60 },
  );
  // Each of them has at least one token chosen.
  expect(numShort).toBeGreaterThanOrEqual(numSuited);
  expect(numFetched).toBeGreaterThan(0);
});

test("where the logits behind candidates cannot be had, only choices that candidates are sure to decide use them", async () => {
  const sampled = { temperature: 0.7, topP: 0.9, seed: 3 };
  const samplings = [
    { ...sampled, temperature: 0, topK: 0 },
    { ...sampled, topK: numCandidates },
    { ...sampled, topK: numCandidates + 1 },
    { ...sampled, topK: 0 },
  ];
  const numTokens = 6;
  const short = new ShortExecutor();
  const whole: Executor = { spec: short.spec, execute: (batch) => short.execute(batch), close: () => short.close() };
  const [expected, actual] = await Promise.all(
    [new FakeExecutor(), whole].map((executor) => {
      const engine = new Engine(executor, limits);
      for (const [id, sampling] of samplings.entries()) engine.add({ ...request(id, upTo(9), numTokens), sampling });
      return runToEnd(engine);
    }),
  );
  expect(actual).toEqual(expected);
  expect(short.numShort).toBe(2 * numTokens);
});

test("a token that would break a character gives way to the likeliest that does not, with its logits or without", async () => {
  const short = new ShortExecutor();
  const whole: Executor = { spec: short.spec, execute: (batch) => short.execute(batch), close: () => short.close() };
  const answers = await Promise.all(
    [new FakeExecutor(), whole, new ShortExecutor()].map((executor) => {
      const engine = new Engine(executor, limits, true, grammars);
      for (const id of upTo(8)) engine.add(request(id, upTo(5 + id), 12));
      return runToEnd(engine);
    }),
  );
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
  expect(short.numShort).toBeGreaterThan(0);
});
