// Gates and a ledger in virtual time, with the ledger's answers under way for a while.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Ceiling, type Units } from "./ceiling.ts";
import type { Limits } from "./limits.ts";
import { sliceLifeMs } from "./slice-life.ts";
import { Slices } from "./slices.ts";

const startMs = Date.UTC(2026, 10, 24);

class Simulation {
  nowMs = startMs;
  readonly granted: { readonly atMs: number; readonly tokens: number; requestId: string }[] = [];
  readonly ceiling: Ceiling;
  readonly gates: Slices[];
  #numAsked = 0;

  constructor(limits: Limits, numGates: number) {
    this.ceiling = new Ceiling(limits, undefined);
    this.gates = Array.from({ length: numGates }, () => new Slices(false, startMs));
  }

  order(slices: Slices, gate: number, cost: Units): void {
    const order = slices.order(String(gate), cost, cost, this.nowMs);
    slices.accept(order, this.ceiling.lease(order, this.nowMs), this.nowMs, this.nowMs);
  }

  /** One request at one gate; the hop to the ledger, when there is one, takes `delayMs` each way. */
  ask(gate: number, tokens: number, delayMs: number): { readonly requestId: string; readonly refusedForMs?: number } {
    const slices = this.gates[gate];
    const requestId = `${gate}/${++this.#numAsked}`;
    if (slices === undefined) throw new RangeError("no such gate");
    const cost: Units = { requests: 1, tokens };
    if (!slices.has(cost, this.nowMs)) {
      const orderedAtMs = this.nowMs;
      const order = slices.order(String(gate), cost, cost, orderedAtMs);
      this.nowMs += delayMs;
      const answer = this.ceiling.lease(order, this.nowMs);
      this.nowMs += delayMs;
      const refusal = slices.accept(order, answer, orderedAtMs, this.nowMs);
      if (refusal?.kind === "not_now") return { requestId, refusedForMs: refusal.retryAfterMs };
      if (refusal !== undefined || !slices.has(cost, this.nowMs)) return { requestId };
    }
    slices.take(requestId, cost, this.nowMs);
    if (slices.isLow(this.nowMs)) this.order(slices, gate, cost);
    this.granted.push({ atMs: this.nowMs, tokens, requestId });
    return { requestId };
  }
}

const limitsArbitrary: fc.Arbitrary<Limits> = fc.record(
  {
    requestsPerMinute: fc.integer({ min: 2, max: 200 }),
    tokensPerMinute: fc.integer({ min: 100, max: 10_000 }),
    requestsPerDay: fc.integer({ min: 2, max: 200 }),
    tokensPerMonth: fc.integer({ min: 100, max: 20_000 }),
  },
  { requiredKeys: [] },
);

const asks = fc.array(
  fc.record({
    gate: fc.nat(4),
    tokens: fc.integer({ min: 1, max: 90 }),
    afterMs: fc.oneof(fc.nat(50), fc.nat(8_000)),
    delayMs: fc.nat(150),
    usedShare: fc.integer({ min: 0, max: 4 }),
  }),
  { maxLength: 150 },
);

test("through any number of gates no stretch of time holds more than the ceiling and what refills in it", () => {
  fc.assert(
    fc.property(limitsArbitrary, asks, (limits, history) => {
      const simulation = new Simulation(limits, 5);
      const used = new Map<string, number>();
      for (const { gate, tokens, afterMs, delayMs, usedShare } of history) {
        simulation.nowMs += afterMs;
        const { requestId } = simulation.ask(gate, tokens, delayMs);
        const usedTokens = Math.floor((tokens * usedShare) / 4);
        used.set(requestId, usedTokens);
        if (usedShare % 2 === 0) simulation.gates[gate]?.giveBack(requestId, tokens - usedTokens);
        else used.set(requestId, tokens);
      }
      const spent = simulation.granted.map(({ atMs, requestId }) => ({ atMs, cost: used.get(requestId) ?? 0 }));
      const requests = simulation.granted.map(({ atMs }) => ({ atMs, cost: 1 }));
      expect(excess(requests, limits.requestsPerMinute, 60_000)).toBeLessThanOrEqual(0);
      expect(excess(requests, limits.requestsPerDay, 86_400_000)).toBeLessThanOrEqual(0);
      expect(excess(spent, limits.tokensPerMinute, 60_000)).toBeLessThanOrEqual(0);
      const sum = spent.reduce((total, { cost }) => total + cost, 0);
      expect(sum).toBeLessThanOrEqual(limits.tokensPerMonth ?? Number.POSITIVE_INFINITY);
    }),
    { numRuns: 300 },
  );
});

test("a refused request gets in when it was told to come back", () => {
  const simulation = new Simulation({ requestsPerMinute: 24 }, 2);
  while (simulation.ask(0, 1, 0).refusedForMs === undefined) simulation.nowMs += 1;
  const before = simulation.granted.length;
  simulation.nowMs += simulation.ask(1, 1, 0).refusedForMs ?? 0;
  simulation.ask(1, 1, 0);
  expect(simulation.granted).toHaveLength(before + 1);
});

test.each([1, 2, 5])("%i busy gates use the ceiling but for the stated share: burst and then rate", (numGates) => {
  const limit = 960;
  const simulation = new Simulation({ requestsPerMinute: limit }, numGates);
  const minutes = 5;
  while (simulation.nowMs < startMs + minutes * 60_000) {
    for (let gate = 0; gate < numGates; gate += 1) simulation.ask(gate, 1, 0);
    simulation.nowMs += 25;
  }
  const most = limit * (minutes + 1);
  // A life's refill of the burst, and what each gate may still hold at the end.
  const least = most - Math.ceil((limit * sliceLifeMs) / 60_000) - (numGates * limit * 2) / 16;
  expect(simulation.granted.length).toBeLessThanOrEqual(most);
  expect(simulation.granted.length).toBeGreaterThanOrEqual(least);
});

test("a busy gate's requests do not wait for the ledger", () => {
  const simulation = new Simulation({ requestsPerMinute: 6_000 }, 1);
  let numWaited = 0;
  for (let count = 0; count < 1_000; count += 1) {
    simulation.nowMs += 20;
    if (simulation.gates[0]?.has({ requests: 1, tokens: 1 }, simulation.nowMs) !== true) numWaited += 1;
    expect(simulation.ask(0, 1, 0).refusedForMs).toBeUndefined();
  }
  expect(numWaited).toBe(1);
});

test("what idle gates hold is back with the ledger when their slices are over and reported", () => {
  const simulation = new Simulation({ requestsPerMinute: 1_600, tokensPerMonth: 100_000 }, 10);
  for (let gate = 0; gate < 10; gate += 1) simulation.ask(gate, 10, 0);
  simulation.nowMs += sliceLifeMs;
  for (const [gate, slices] of simulation.gates.entries()) {
    expect(slices.hasReports(simulation.nowMs)).toBe(true);
    const nothing = { requests: 0, tokens: 0 };
    simulation.ceiling.lease(slices.order(String(gate), undefined, nothing, simulation.nowMs), simulation.nowMs);
    expect(slices.hasReports(simulation.nowMs)).toBe(false);
  }
  expect(simulation.ceiling.toStored(false, simulation.nowMs)["tokensPerMonth"]?.debt).toBe(100);
});

test("a ledger without limits says so, and is asked again after a while", () => {
  const slices = new Slices(false, startMs);
  const cost = { requests: 1, tokens: 1_000_000 };
  const order = slices.order("gate", cost, cost, startMs);
  slices.accept(order, new Ceiling({}, undefined).lease(order, startMs), startMs, startMs);
  expect([slices.has(cost, startMs), slices.needsCheck(startMs), slices.needsCheck(startMs + 60_000)]).toEqual([
    true,
    false,
    true,
  ]);
});

/** The most by which any stretch exceeds the limit and its refill, in parts; see gcra.ts. */
function excess(
  grants: readonly { atMs: number; cost: number }[],
  limit: number | undefined,
  windowMs: number,
): number {
  if (limit === undefined) return 0;
  let worst = Number.NEGATIVE_INFINITY;
  for (const [first, { atMs: fromMs }] of grants.entries()) {
    let granted = 0;
    for (const { atMs, cost } of grants.slice(first)) {
      granted += cost;
      worst = Math.max(worst, granted * windowMs - limit * windowMs - limit * (atMs - fromMs));
    }
  }
  return worst === Number.NEGATIVE_INFINITY ? 0 : worst;
}

test("what a request of last month did not use is not given back of this month's budget", () => {
  const [lastMs, firstMs] = [Date.UTC(2026, 11, 1) - 1_000, Date.UTC(2026, 11, 1)];
  const ceiling = new Ceiling({ tokensPerMonth: 1_000 }, undefined);
  const gate = new Slices(false, lastMs);
  const cost = { requests: 1, tokens: 400 };
  const lease = (least: Units | undefined, nowMs: number) => {
    const order = gate.order("gate", least, least ?? { requests: 0, tokens: 0 }, nowMs);
    return gate.accept(order, ceiling.lease(order, nowMs), nowMs, nowMs);
  };
  lease(cost, lastMs);
  gate.take("old", cost, lastMs);
  lease(cost, firstMs + 10_000);
  gate.take("new", cost, firstMs + 10_000);
  lease(undefined, firstMs + 20_000);
  gate.giveBack("new", 300);
  gate.giveBack("old", 400);
  lease(undefined, firstMs + 20_000);
  expect(lease({ requests: 1, tokens: 901 }, firstMs + 20_000)).toMatchObject({ kind: "not_now", used: 100 });
  expect(lease({ requests: 1, tokens: 900 }, firstMs + 20_000)).toBeUndefined();
});
