// A leased key in virtual time: its home and the gates on several continents, with messages that take their time or get lost,
// gates and homes that crash, and changes of the key. What they decide with is real; here are only time and messages.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { KeyRecord } from "#edge/auth/key-record.ts";
import { Ceiling, type StoredCeiling, type Units } from "#edge/rate-limit/ceiling.ts";
import type { Limits } from "#edge/rate-limit/limits.ts";
import { sliceLifeMs } from "#edge/rate-limit/slice-life.ts";
import { Slices } from "#edge/rate-limit/slices.ts";
import { Borrowed, loanMs, Loans, type StoredLoans } from "./loan.ts";

const startMs = Date.UTC(2026, 10, 24);
const answerTimeoutMs = 2_000;

interface Continent {
  borrowed: Borrowed;
  slices: Slices;
  /** When it asks again, should no answer come. */
  askAgainAtMs: number;
  /** Messages to one that crashed meanwhile are lost. */
  life: number;
}

/** What the way of one message is like. Absent: it is lost. */
type DelayMs = number | undefined;

class World {
  nowMs = startMs;
  readonly admitted: { readonly atMs: number; readonly tokens: number; readonly revision: number }[] = [];
  readonly continents: Continent[];
  /** What was revised, and when everyone was known to have heard of it. */
  readonly revisions: { readonly revision: number; completeAtMs: number }[] = [];
  record: KeyRecord;
  /** Soonest first. */
  readonly #events: { readonly atMs: number; readonly run: () => void }[] = [];
  #stored: { loans: StoredLoans | undefined; ceiling: StoredCeiling | undefined } = {
    loans: undefined,
    ceiling: undefined,
  };
  #loans: Loans;
  #ceiling: Ceiling;
  #numAsked = 0;

  constructor(limits: Limits, numContinents: number) {
    this.record = {
      keyId: "leased-key",
      orgId: "org",
      projectId: "project",
      status: "active",
      createdAtMs: 0,
      limits,
    };
    this.#loans = new Loans(undefined, startMs);
    this.#ceiling = new Ceiling(limits, undefined);
    this.continents = Array.from({ length: numContinents }, () => newborn(0));
  }

  run(untilMs: number): void {
    for (let next = this.#events[0]; next !== undefined && next.atMs <= untilMs; next = this.#events[0]) {
      this.#events.shift();
      this.nowMs = next.atMs;
      next.run();
    }
    this.nowMs = untilMs;
  }

  /** A request on a continent: admitted, or lost while its gate asks for what it lacks. */
  ask(index: number, tokens: number, outDelay: DelayMs, backDelay: DelayMs): void {
    const continent = this.#continent(index);
    const { borrowed, slices } = continent;
    const cost: Units = { requests: 1, tokens };
    if (borrowed.record(this.nowMs)?.status === "active" && slices.has(cost, this.nowMs)) {
      slices.take(String(++this.#numAsked), cost, this.nowMs);
      this.admitted.push({ atMs: this.nowMs, tokens, revision: borrowed.revision ?? -1 });
    }
    if (this.nowMs < continent.askAgainAtMs) return;
    const needsLoan = borrowed.record(this.nowMs) === undefined || borrowed.isDue(this.nowMs);
    const needsSlice = !slices.has(cost, this.nowMs) || slices.isLow(this.nowMs);
    if (!needsLoan && !needsSlice) return;
    const { life } = continent;
    const askedAtMs = this.nowMs;
    const order = needsSlice ? slices.order(String(index), cost, cost, askedAtMs) : undefined;
    continent.askAgainAtMs = this.nowMs + answerTimeoutMs;
    this.#after(outDelay, () => {
      const { revision } = this.#loans;
      if (this.#loans.lend(String(index), this.nowMs)) this.#stored.loans = this.#loans.toStored();
      const loan = { revision, record: borrowed.revision === revision ? undefined : this.record };
      const answer = order && this.#ceiling.lease(order, this.nowMs);
      if (!this.#ceiling.isCovered(this.nowMs)) this.#stored.ceiling = this.#ceiling.toStored(true, this.nowMs);
      this.#after(backDelay, () => {
        if (continent.life !== life) return;
        continent.askAgainAtMs = this.nowMs;
        borrowed.renew(loan, askedAtMs);
        if (order !== undefined && answer !== undefined) slices.accept(order, answer, askedAtMs, this.nowMs);
      });
    });
  }

  /** The home gives the key another record, and tells everyone who may still decide by an older one. */
  revise(change: Partial<KeyRecord>, delays: readonly DelayMs[]): void {
    this.record = { ...this.record, ...change };
    this.#loans.revise();
    this.#stored.loans = this.#loans.toStored();
    const { revision } = this.#loans;
    const loan = { revision, record: this.record };
    const entry = { revision, completeAtMs: this.nowMs };
    this.revisions.push(entry);
    for (const [borrower, untilMs] of this.#loans.outstanding(this.nowMs)) {
      const continent = this.#continent(Number(borrower));
      const delay = delays[Number(borrower)];
      const heardAtMs = delay === undefined ? Infinity : this.nowMs + delay;
      this.#after(delay, () => continent.borrowed.recall(loan));
      entry.completeAtMs = Math.max(entry.completeAtMs, Math.min(heardAtMs, untilMs));
    }
  }

  crashHome(): void {
    this.#loans = new Loans(this.#stored.loans, this.nowMs);
    this.#ceiling = new Ceiling(this.record.limits ?? {}, this.#stored.ceiling);
  }

  crashContinent(index: number): void {
    const { life } = this.#continent(index);
    Object.assign(this.#continent(index), newborn(life + 1));
  }

  #continent(index: number): Continent {
    const continent = this.continents[index];
    if (continent === undefined) throw new RangeError("no such continent");
    return continent;
  }

  #after(delay: DelayMs, run: () => void): void {
    if (delay === undefined) return;
    const atMs = this.nowMs + delay;
    const later = this.#events.findIndex((event) => event.atMs > atMs);
    this.#events.splice(later === -1 ? this.#events.length : later, 0, { atMs, run });
  }
}

function newborn(life: number): Continent {
  return { borrowed: new Borrowed(), slices: new Slices(false, startMs), askAgainAtMs: startMs, life };
}

const numContinents = 4;
const delayMs = fc.oneof(
  { weight: 6, arbitrary: fc.nat(300) },
  { weight: 1, arbitrary: fc.integer({ min: 300, max: 6_000 }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const step = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      kind: fc.constant("ask" as const),
      continent: fc.nat(numContinents - 1),
      tokens: fc.integer({ min: 1, max: 60 }),
      out: delayMs,
      back: delayMs,
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
const history = fc.array(fc.tuple(fc.oneof(fc.nat(60), fc.nat(4_000)), step), { minLength: 20, maxLength: 200 });

const limitsArbitrary: fc.Arbitrary<Limits> = fc.record(
  {
    requestsPerMinute: fc.integer({ min: 2, max: 200 }),
    tokensPerMinute: fc.integer({ min: 100, max: 5_000 }),
    requestsPerDay: fc.integer({ min: 2, max: 200 }),
    tokensPerMonth: fc.integer({ min: 100, max: 5_000 }),
  },
  { requiredKeys: [] },
);

test("whatever crashes or gets lost, no limit is exceeded and no older record is decided by after a change is complete", () => {
  let numAdmitted = 0;
  let numCompared = 0;
  fc.assert(
    fc.property(limitsArbitrary, history, (limits, steps) => {
      const world = new World({ ...limits, requestsPerDay: limits.requestsPerDay ?? 5_000 }, numContinents);
      for (const [afterMs, event] of steps) {
        world.run(world.nowMs + afterMs);
        if (event.kind === "ask") world.ask(event.continent, event.tokens, event.out, event.back);
        else if (event.kind === "crash") world.crashContinent(event.continent);
        else if (event.kind === "crashHome") world.crashHome();
        else world.revise({ status: event.status }, event.delays);
      }
      const { admitted, revisions } = world;
      numAdmitted += admitted.length;
      const requests = admitted.map(({ atMs }) => ({ atMs, cost: 1 }));
      const tokens = admitted.map(({ atMs, tokens: cost }) => ({ atMs, cost }));
      expect(excess(requests, limits.requestsPerMinute, 60_000)).toBeLessThanOrEqual(0);
      expect(excess(requests, limits.requestsPerDay, 86_400_000)).toBeLessThanOrEqual(0);
      expect(excess(tokens, limits.tokensPerMinute, 60_000)).toBeLessThanOrEqual(0);
      const sum = tokens.reduce((total, { cost }) => total + cost, 0);
      expect(sum).toBeLessThanOrEqual(limits.tokensPerMonth ?? Number.POSITIVE_INFINITY);
      for (const { revision, completeAtMs } of revisions) {
        const late = admitted.filter((one) => one.atMs >= completeAtMs && one.revision < revision);
        numCompared += admitted.filter((one) => one.revision < revision).length;
        expect(late).toEqual([]);
      }
    }),
    { numRuns: 1_500 },
  );
  // The property is not kept by admitting nobody.
  expect(numAdmitted).toBeGreaterThan(1_000);
  expect(numCompared).toBeGreaterThan(100);
});

test("a change is complete at once when all confirm, and after a loan's life when one is silent", () => {
  const world = new World({ requestsPerMinute: 600 }, 2);
  for (const continent of [0, 1]) world.ask(continent, 1, 10, 10);
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
    for (let continent = 0; continent < count; continent += 1) world.ask(continent, 1, 80, 80);
    world.run(world.nowMs + 20);
  }
  const most = limit * (minutes + 1);
  const least = most - Math.ceil((limit * sliceLifeMs) / 60_000) - (count * limit * 2) / 16;
  expect(world.admitted.length).toBeLessThanOrEqual(most);
  expect(world.admitted.length).toBeGreaterThanOrEqual(least);
});

test("one busy continent has nearly all of the limit while the others ask for little", () => {
  const limit = 960;
  const world = new World({ requestsPerMinute: limit }, 4);
  for (let tick = 0; world.nowMs < startMs + 60_000; tick += 1) {
    world.ask(0, 1, 80, 80);
    if (tick % 100 === 0) for (const continent of [1, 2, 3]) world.ask(continent, 1, 80, 80);
    world.run(world.nowMs + 20);
  }
  // A burst and a minute's refill, without a life's refill and two slices for each of four gates.
  expect(world.admitted.length).toBeGreaterThanOrEqual(2 * limit - limit / 12 - (4 * 2 * limit) / 16);
});

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
