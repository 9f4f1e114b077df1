// Whatever happens on the continents, a leased key's limits and its record hold; see testing/leased-world.ts.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Limits, RateLimits } from "#edge/rate-limit/limits.ts";
import { sliceLifeMs } from "#edge/rate-limit/slice-life.ts";
import { startMs } from "#edge/rate-limit/testing/virtual-time.ts";
import { loanMs } from "./loan.ts";
import { World } from "./testing/leased-world.ts";

const numContinents = 4;
const delayMs = fc.oneof(
  { weight: 20, arbitrary: fc.nat(100) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 6_000 }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const step = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      kind: fc.constant("ask" as const),
      continent: fc.nat(numContinents - 1),
      request: fc.record(
        {
          tokens: fc.integer({ min: 1, max: 60 }),
          ofKey: fc.tuple(delayMs, delayMs),
          ofModel: fc.tuple(delayMs, delayMs),
        },
        { requiredKeys: ["tokens", "ofKey"] },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const), continent: fc.nat(numContinents - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crashHome" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("revise" as const),
      status: fc.constantFrom("active" as const, "active" as const, "revoked" as const),
      delays: fc.array(delayMs, { minLength: numContinents, maxLength: numContinents }),
    }),
  },
);
const pauseMs = fc.oneof({ weight: 8, arbitrary: fc.nat(60) }, { weight: 1, arbitrary: fc.nat(4_000) });
const history = fc.array(fc.tuple(pauseMs, step), { minLength: 20, maxLength: 200, size: "max" });

const rates = {
  requestsPerMinute: fc.integer({ min: 2, max: 200 }),
  tokensPerMinute: fc.integer({ min: 100, max: 5_000 }),
  requestsPerDay: fc.integer({ min: 2, max: 200 }),
};
const ratesArbitrary: fc.Arbitrary<RateLimits> = fc.record(rates, { requiredKeys: [] });
const limitsArbitrary: fc.Arbitrary<Limits> = fc.record(
  { ...rates, tokensPerMonth: fc.integer({ min: 100, max: 10_000 }) },
  { requiredKeys: [] },
);

test("whatever crashes or gets lost, no limit is exceeded and no older record is decided by after a change is complete", () => {
  let numAdmitted = 0;
  let numOfModel = 0;
  let numCompared = 0;
  fc.assert(
    fc.property(limitsArbitrary, ratesArbitrary, history, (limits, ofModel, steps) => {
      const world = new World({ ...limits, requestsPerDay: limits.requestsPerDay ?? 5_000 }, numContinents, ofModel);
      for (const [afterMs, event] of steps) {
        world.run(world.nowMs + afterMs);
        if (event.kind === "ask") world.ask(event.continent, event.request);
        else if (event.kind === "crash") world.crashContinent(event.continent);
        else if (event.kind === "crashHome") world.crashHome();
        else world.revise({ status: event.status }, event.delays);
      }
      const { admitted, revisions } = world;
      const admittedOfModel = admitted.filter(({ isOfModel }) => isOfModel);
      numAdmitted += admitted.length;
      numOfModel += admittedOfModel.length;
      expectWithin(limits, admitted);
      expectWithin(ofModel, admittedOfModel);
      for (const { revision, completeAtMs } of revisions) {
        const late = admitted.filter((one) => one.atMs >= completeAtMs && one.revision < revision);
        numCompared += admitted.filter((one) => one.revision < revision).length;
        expect(late).toEqual([]);
      }
    }),
    { numRuns: 1_500 },
  );
  // The property is not kept by admitting nobody.
  expect(numAdmitted).toBeGreaterThan(5_000);
  expect(numOfModel).toBeGreaterThan(3_000);
  expect(numCompared).toBeGreaterThan(1_000);
});

test("a change is complete at once when all confirm, and after a loan's life when one is silent", () => {
  const world = new World({ requestsPerMinute: 600 }, 2);
  for (const continent of [0, 1]) world.ask(continent, { tokens: 1, ofKey: [10, 10] });
  world.run(world.nowMs + 100);
  world.revise({ status: "revoked" }, [40, 80]);
  world.revise({ status: "revoked" }, [40, undefined]);
  const [confirmed, silent] = world.revisions.map(({ completeAtMs }) => completeAtMs - world.nowMs);
  expect(confirmed).toBe(80);
  expect(silent).toBeGreaterThan(80);
  expect(silent).toBeLessThanOrEqual(loanMs);
});

test.each([1, 3, 7])("%i busy continents use the limit but for the stated share", (count) => {
  const limit = 960;
  const minutes = 3;
  const world = new World({ requestsPerMinute: limit }, count);
  while (world.nowMs < startMs + minutes * 60_000) {
    for (let continent = 0; continent < count; continent += 1) world.ask(continent, { tokens: 1, ofKey: [80, 80] });
    world.run(world.nowMs + 20);
  }
  const most = limit * (minutes + 1);
  const least = most - Math.ceil((limit * sliceLifeMs) / 60_000) - (count * limit * 2) / 16;
  expect(world.admitted.length).toBeLessThanOrEqual(most);
  expect(world.admitted.length).toBeGreaterThanOrEqual(least);
});

test.each([1, 3])(
  "%i busy continents use a model's limit but for the stated share, and the key's beside it",
  (count) => {
    const limit = 960;
    const world = new World({ requestsPerMinute: 2 * limit }, count, { requestsPerMinute: limit });
    while (world.nowMs < startMs + 60_000) {
      for (let continent = 0; continent < count; continent += 1) {
        world.ask(continent, { tokens: 1, ofKey: [80, 80], ofModel: [80, 80] });
        world.ask(continent, { tokens: 1, ofKey: [80, 80] });
      }
      world.run(world.nowMs + 20);
    }
    const unused = limit / 12 + (count * limit * 2) / 16;
    const ofModel = world.admitted.filter(({ isOfModel }) => isOfModel).length;
    expect(ofModel).toBeLessThanOrEqual(2 * limit);
    expect(ofModel).toBeGreaterThanOrEqual(2 * limit - unused);
    expect(world.admitted.length).toBeGreaterThanOrEqual(2 * (2 * limit - unused));
  },
);

test("one busy continent has nearly all of the limit while the others ask for little", () => {
  const limit = 960;
  const world = new World({ requestsPerMinute: limit }, 4);
  for (let tick = 0; world.nowMs < startMs + 60_000; tick += 1) {
    world.ask(0, { tokens: 1, ofKey: [80, 80] });
    if (tick % 100 === 0) for (const continent of [1, 2, 3]) world.ask(continent, { tokens: 1, ofKey: [80, 80] });
    world.run(world.nowMs + 20);
  }
  // A burst and a minute's refill, without a life's refill and two slices for each of four gates.
  expect(world.admitted.length).toBeGreaterThanOrEqual(2 * limit - limit / 12 - (4 * 2 * limit) / 16);
});

function expectWithin(limits: Limits, admitted: World["admitted"]): void {
  const requests = admitted.map(({ atMs }) => ({ atMs, cost: 1 }));
  const tokens = admitted.map(({ atMs, tokens: cost }) => ({ atMs, cost }));
  expect(excess(requests, limits.requestsPerMinute, 60_000)).toBeLessThanOrEqual(0);
  expect(excess(requests, limits.requestsPerDay, 86_400_000)).toBeLessThanOrEqual(0);
  expect(excess(tokens, limits.tokensPerMinute, 60_000)).toBeLessThanOrEqual(0);
  const sum = tokens.reduce((total, { cost }) => total + cost, 0);
  expect(sum).toBeLessThanOrEqual(limits.tokensPerMonth ?? Number.POSITIVE_INFINITY);
}

/** The most by which any stretch exceeds the limit and its refill, in parts; see gcra.ts. */
function excess(
  grants: readonly { atMs: number; cost: number }[],
  limit: number | undefined,
  windowMs: number,
): number {
  if (limit === undefined) return 0;
  // The debt of a bucket that is only ever charged: above its capacity is what no bucket would have granted.
  let debt = 0;
  let fromMs = startMs;
  let worst = 0;
  for (const { atMs, cost } of grants) {
    debt = Math.max(0, debt - limit * (atMs - fromMs)) + cost * windowMs;
    fromMs = atMs;
    worst = Math.max(worst, debt - limit * windowMs);
  }
  return worst;
}
