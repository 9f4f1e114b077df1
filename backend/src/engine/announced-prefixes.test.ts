// What those who follow the cache are told of prompts that are not computed yet.
import { HashChain, type ShortName, shorten } from "@sluice/shared/hash-chain.ts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "#platform/sha256.ts";
import { Engine } from "./engine.ts";
import { FakeExecutor } from "./executor/fake-executor.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import { limits, request, upTo } from "./test-requests.ts";

const one = { ...limits, maxNumSeqs: 1 };
const blockSize = 4;

/** What is believed of an engine's cache by who follows it. */
class Follower {
  readonly believed = new Set<ShortName>();
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
    engine.followCache(true);
    this.hear();
  }

  hear(): this {
    const changes = this.#engine.takeCacheChanges();
    if (changes?.isSnapshot === true) this.believed.clear();
    for (const name of changes?.stored ?? []) this.believed.add(name);
    for (const name of changes?.evicted ?? []) this.believed.delete(name);
    return this;
  }
}

/** Of the prompt's full blocks. */
function namesOf(promptTokenIds: readonly number[]): ShortName[] {
  const chain = new HashChain({ cacheSalt: "" }, blockSize, sha256);
  return Array.from({ length: Math.floor(promptTokenIds.length / blockSize) }, (_, index) =>
    shorten(chain.hashOf(index, promptTokenIds)),
  );
}

describe("a prompt that waits", () => {
  test("is told of as if it were computed, also to who comes later, until it is given up", () => {
    const engine = new Engine(new FakeExecutor(), one);
    const early = new Follower(engine);
    engine.add(request(1, upTo(18), 4));
    expect([...early.hear().believed]).toEqual(namesOf(upTo(18)));
    expect([...new Follower(engine).believed]).toEqual(namesOf(upTo(18)));
    const late = new Follower(engine);
    engine.abort(1 as SequenceId);
    expect(late.hear().believed.size).toBe(0);
  });

  test("of which another with the same prefix is given up is still told of, and so is what was computed", async () => {
    const engine = new Engine(new FakeExecutor(), one);
    const follower = new Follower(engine);
    engine.add(request(1, upTo(18), 4));
    engine.add(request(2, upTo(10), 4));
    engine.abort(1 as SequenceId);
    expect([...follower.hear().believed]).toEqual(namesOf(upTo(10)));
    await engine.step();
    engine.abort(2 as SequenceId);
    expect([...follower.hear().believed]).toEqual(namesOf(upTo(10)));
  });

  test("of several choices is told of as long as one of them is wanted", () => {
    const engine = new Engine(new FakeExecutor(), limits);
    const follower = new Follower(engine);
    engine.add({ ...request(1, upTo(18), 4), forkIds: [2 as SequenceId] });
    engine.abort(1 as SequenceId);
    expect([...follower.hear().believed]).toEqual(namesOf(upTo(18)));
    engine.abort(2 as SequenceId);
    expect(follower.hear().believed.size).toBe(0);
  });

  test("that will not be found later is not told of", () => {
    for (const [engine, scored] of [
      [new Engine(new FakeExecutor(), one), true],
      [new Engine(new FakeExecutor(), one, false), false],
    ] as const) {
      const follower = new Follower(engine);
      engine.add({ ...request(1, upTo(18), 4), logprobs: { numTop: 0, prompt: scored } });
      expect(follower.hear().believed.size).toBe(0);
    }
  });
});

test("under any arrivals, aborts and evictions: what is told is what is there or waited for, and in the end what is there", async () => {
  const forked = fc
    .record({ length: fc.integer({ min: 4, max: 20 }), fork: fc.integer({ min: 4, max: 20 }) })
    .map(({ length, fork }) => upTo(length).map((position) => (position < fork ? position : 30)));
  const arrival = fc.record({
    beforeStep: fc.nat(20),
    prompt: forked,
    maxTokens: fc.integer({ min: 1, max: 8 }),
    abortBeforeStep: fc.option(fc.nat(30)),
  });
  let numEvicted = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(arrival, { minLength: 1, maxLength: 24, size: "max" }),
      fc.integer({ min: 8, max: 24 }),
      async (arrivals, numBlocks) => {
        const engine = new Engine(new FakeExecutor({ numBlocks, maxModelLen: 32 }), { ...limits, maxNumSeqs: 2 });
        const follower = new Follower(engine);
        const live = new Map<number, readonly number[]>();
        const end = (id: number): boolean => live.delete(id);
        for (let step = 0; step <= 30 || engine.hasWork; step += 1) {
          for (const [id, { beforeStep, abortBeforeStep, prompt, maxTokens }] of arrivals.entries()) {
            if (beforeStep === step && engine.add(request(id, prompt, maxTokens)).admitted) live.set(id, prompt);
            if (abortBeforeStep === step && engine.abort(id as SequenceId) !== undefined) end(id);
          }
          for (const event of await engine.step()) if (event.kind !== "tokens") end(event.sequenceId);
          const before = follower.believed.size;
          follower.hear();
          numEvicted += Math.max(0, before - follower.believed.size);
          for (const prompt of live.values()) {
            for (const name of namesOf(prompt)) expect(follower.believed).toContain(name);
          }
        }
        const told = [...follower.believed].toSorted();
        expect(told.length).toBeLessThanOrEqual(numBlocks);
        expect([...new Follower(engine).believed].toSorted()).toEqual(told);
      },
    ),
  );
  expect(numEvicted).toBeGreaterThan(20);
});
