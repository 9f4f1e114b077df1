import { describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { FakeExecutor } from "./executor/fake-executor.ts";
import type { GenerationRequest, SequenceEvent } from "./generation.ts";
import type { TokenLogprobs } from "./sampling/logprobs.ts";
import { type Answer, generateAlone, limits, request, runToEnd, upTo } from "./test-requests.ts";

describe("the engine's prefix cache", () => {
  test("a prefix computed before is found, counted once and said with the first token, also after its request", async () => {
    const engine = new Engine(new FakeExecutor(), limits);
    engine.add(request(1, upTo(18), 4));
    await runToEnd(engine);
    // The first request's output was computed too, but for its last token.
    const output = await generateAlone(request(1, upTo(18), 4));
    engine.add(request(2, [...upTo(18), ...output.slice(0, 3)], 2));
    const events = await engine.step();
    expect(events).toMatchObject([{ kind: "tokens", sequenceId: 2, numCachedTokens: 20 }]);
    const [answer] = await runToEnd(engine);
    expect(answer?.last).toMatchObject({ kind: "finished", finish: { numPromptTokens: 21, numCachedTokens: 20 } });
    expect(engine.load()).toMatchObject({
      numFreeBlocks: 64,
      totals: { promptTokens: 39, prefixCacheQueries: 39, prefixCacheHits: 20 },
    });
  });

  test("a request for its prompt's logprobs computes its whole prompt, also when the cache has it", async () => {
    const scored = { ...request(2, upTo(18), 1), logprobs: { numTop: 2, prompt: true } };
    const cold = await promptLogprobsOf(new Engine(new FakeExecutor(), limits), scored);
    const engine = new Engine(new FakeExecutor(), limits);
    engine.add(request(1, upTo(18), 1));
    await runToEnd(engine);
    expect(cold).toHaveLength(17);
    expect(await promptLogprobsOf(engine, scored)).toEqual(cold);
    // It did not look, so it is no miss; what was cached still is.
    expect(engine.load().totals).toMatchObject({ promptTokens: 36, prefixCacheQueries: 18, prefixCacheHits: 0 });
    engine.add({ ...request(3, upTo(18), 1), logprobs: { numTop: 2, prompt: false } });
    const [answer] = await runToEnd(engine);
    expect(answer?.last).toMatchObject({ finish: { numCachedTokens: 16 } });
  });

  test("nothing is found under another salt, or with prefix caching off", async () => {
    const salted = new Engine(new FakeExecutor(), limits);
    salted.add({ ...request(1, upTo(18), 4), cacheSalt: "a" });
    salted.add({ ...request(2, upTo(18), 4), cacheSalt: "b" });
    await runToEnd(salted);
    salted.add({ ...request(3, upTo(18), 4), cacheSalt: "c" });
    await runToEnd(salted);
    expect(salted.load().totals).toMatchObject({ prefixCacheQueries: 54, prefixCacheHits: 0 });

    const off = new Engine(new FakeExecutor(), limits, false);
    for (const id of [1, 2]) {
      off.add(request(id, upTo(18), 4));
      await runToEnd(off);
    }
    expect(off.load().totals).toMatchObject({ promptTokens: 36, prefixCacheQueries: 0, prefixCacheHits: 0 });
  });

  test("a sequence that was preempted finds its own blocks again", async () => {
    const [cold, warm] = [await preemptOnce(false), await preemptOnce(true)];
    // 19 tokens of prompt lie in four full blocks; the first sequence needed no more than the one that was not full.
    expect(cold.numComputed - warm.numComputed).toBeGreaterThanOrEqual(16);
    // Not a hit of the request's: it had computed them itself.
    expect(warm.preempted.last).toMatchObject({ finish: { numCachedTokens: 0 } });
    expect(warm.preempted.tokenIds).toEqual(cold.preempted.tokenIds);
  });

  test("a step that failed leaves nothing in the cache", async () => {
    let broken = true;
    const executor = new FakeExecutor({}, () => {
      if (broken) throw new Error("device lost");
    });
    const engine = new Engine(executor, limits);
    engine.add(request(1, upTo(18), 4));
    await engine.step();
    broken = false;
    engine.add(request(2, upTo(18), 4));
    const [answer] = await runToEnd(engine);
    expect(answer?.last).toMatchObject({ finish: { numCachedTokens: 0 } });
    expect(answer?.tokenIds).toEqual(await generateAlone(request(1, upTo(18), 4)));
  });
});

/** What the engine tells of the request's prompt, which it must not have found anything of. */
async function promptLogprobsOf(engine: Engine, scored: GenerationRequest): Promise<TokenLogprobs[]> {
  engine.add(scored);
  const events: SequenceEvent[] = [];
  while (engine.hasWork) events.push(...(await engine.step()));
  expect(events.at(-1)).toMatchObject({ kind: "finished", finish: { numCachedTokens: 0 } });
  return events.flatMap((event) => (event.kind === "failed" ? [] : (event.logprobs?.prompt ?? [])));
}

/** Two sequences of which the second is preempted once, and how many tokens that took. */
async function preemptOnce(prefixCaching: boolean): Promise<{ numComputed: number; preempted: Answer }> {
  let numComputed = 0;
  const executor = new FakeExecutor({ numBlocks: 10 }, (batch) => {
    for (const { tokenIds } of batch) numComputed += tokenIds.length;
  });
  const engine = new Engine(executor, limits, prefixCaching);
  engine.add(request(1, upTo(14), 8));
  engine.add(request(2, upTo(20).slice(1), 8));
  const preempted = (await runToEnd(engine))[1]!;
  expect(engine.load().totals.preemptions).toBe(1);
  return { numComputed, preempted };
}
