// A waiting queue that is full, through the whole engine.
import { describe, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { FakeExecutor } from "./executor/fake-executor.ts";
import type { Admission, GenerationRequest } from "./generation.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import { generateAlone, limits, request, runToEnd, upTo } from "./test-requests.ts";

const small = { ...limits, maxNumSeqs: 1, maxQueuedRequests: 4 };

function of(tenant: string, id: number, numForks = 0): GenerationRequest {
  const forkIds = Array.from({ length: numForks }, (_, index) => (id + 1 + index) as SequenceId);
  return { ...request(id, upTo(5), 3), tenant, forkIds };
}

function displacedBy(admission: Admission): unknown {
  return admission.admitted ? admission.displaced.map(({ sequenceId }) => sequenceId) : admission.code;
}

describe("a full waiting queue", () => {
  test("a tenant that filled it does not shut out another, and is told to slow down", async () => {
    const engine = new Engine(new FakeExecutor(), small);
    for (let id = 1; id <= 5; id += 1) expect(displacedBy(engine.add(of("many", id)))).toEqual([]);
    await engine.step();
    expect(displacedBy(engine.add(of("many", 6)))).toBe("server_is_overloaded");
    expect(engine.add(of("few", 7))).toMatchObject({
      displaced: [{ kind: "failed", sequenceId: 5, code: "rate_limit_exceeded" }],
    });
    expect(displacedBy(engine.add(of("many", 8)))).toBe("rate_limit_exceeded");
    expect(displacedBy(engine.add(of("few", 9)))).toEqual([4]);
    expect(displacedBy(engine.add(of("few", 10)))).toBe("rate_limit_exceeded");
    expect(engine.load().totals.turnedAway).toEqual({ numSequences: 3, numTokens: 0 });
    const answers = await runToEnd(engine);
    const alone = await generateAlone(request(1, upTo(5), 3));
    expect(answers.map(({ id }) => id)).toEqual([1, 2, 3, 7, 9]);
    for (const { id, tokenIds } of answers) expect(tokenIds).toEqual(id === 1 ? alone.slice(1) : alone);
    expect(engine.load()).toMatchObject({ numFreeBlocks: 64, totals: { ended: { error: 2, length: 5 } } });
  });

  test("a tenant's requests of the flex tier give way to those of its default tier", async () => {
    const engine = new Engine(new FakeExecutor(), small);
    engine.add(of("one", 1));
    await engine.step();
    for (const id of [2, 3, 4, 5]) engine.add({ ...of("one", id), priority: 1 });
    expect(displacedBy(engine.add({ ...of("one", 6), priority: 1 }))).toBe("server_is_overloaded");
    expect(displacedBy(engine.add(of("one", 7)))).toEqual([5]);
    expect((await runToEnd(engine)).map(({ id }) => id)).toEqual([1, 2, 3, 4, 7]);
  });

  test("a request of several choices goes whole", async () => {
    const engine = new Engine(new FakeExecutor(), small);
    engine.add(of("many", 1));
    await engine.step();
    engine.add(of("many", 11));
    engine.add(of("many", 21, 2));
    expect(displacedBy(engine.add(of("few", 31)))).toEqual([21, 22, 23]);
    expect(engine.load().numWaiting).toBe(2);
    await runToEnd(engine);
    expect(engine.load().numFreeBlocks).toBe(64);
  });

  test("is shared in tokens too", async () => {
    const engine = new Engine(new FakeExecutor(), { ...limits, maxNumSeqs: 1, maxQueuedTokens: 20 });
    const unlike = (tenant: string, id: number) => ({ ...of(tenant, id), promptTokenIds: [id, ...upTo(4)] });
    engine.add(of("many", 1));
    await engine.step();
    for (const id of [2, 3, 4, 5]) expect(displacedBy(engine.add(unlike("many", id)))).toEqual([]);
    expect(displacedBy(engine.add(unlike("many", 6)))).toBe("server_is_overloaded");
    expect(displacedBy(engine.add(unlike("few", 7)))).toEqual([5]);
    expect(engine.load().totals.turnedAway).toEqual({ numSequences: 0, numTokens: 1 });
  });

  test("what has begun stays, also when it was preempted", async () => {
    const engine = new Engine(new FakeExecutor({ numBlocks: 4 }), { ...limits, maxNumSeqs: 2, maxQueuedRequests: 1 });
    for (const id of [1, 2]) engine.add({ ...of("many", id), ...request(id, upTo(7), 6), tenant: "many" });
    while (engine.load().totals.preemptions === 0) await engine.step();
    engine.add(of("many", 3));
    expect(displacedBy(engine.add(of("few", 4)))).toEqual([3]);
    expect(displacedBy(engine.add(of("other", 5)))).toBe("server_is_overloaded");
  });
});
