// Gates and a ledger in virtual time: messages take their time, get lost and overtake each other; gates and the ledger crash.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Ceiling, type SliceAnswer, type SliceOrder } from "./ceiling.ts";
import { Leases, type StoredLeases } from "./leases.ts";
import { PlaceRegister } from "./place-register.ts";
import { Places } from "./places.ts";

const startMs = Date.UTC(2026, 10, 24);
const leaseMs = 60_000;
const timeoutMs = 2_000;
const requests = { requests: 1, tokens: 0 };

/** Absent: the message is lost. */
type DelayMs = number | undefined;

interface Gate {
  places: Places;
  leases: Leases;
  /** What storage would tell after a crash. */
  stored: StoredLeases | undefined;
  /** When it asked what it waits for. */
  asking: number | undefined;
  life: number;
}

class World {
  nowMs = startMs;
  readonly gates: Gate[];
  /** request -> the gate that let it in. Ends only when its caller says so, or at its deadline. */
  readonly underWay = new Map<string, { readonly gate: number; readonly endsMs: number }>();
  numAdmitted = 0;
  numRefused = 0;
  most = 0;
  readonly #limit: number;
  #register: PlaceRegister;
  #ceiling: Ceiling;
  readonly #stored = new Map<string, number>();
  readonly #events: { readonly atMs: number; readonly run: () => void }[] = [];
  #numNames = 0;

  constructor(limit: number, numGates: number) {
    this.#limit = limit;
    this.#register = this.#openRegister();
    this.#ceiling = new Ceiling({ concurrentRequests: limit }, undefined, this.#register);
    this.gates = Array.from({ length: numGates }, () => ({
      places: new Places(),
      leases: new Leases(leaseMs),
      stored: undefined,
      asking: undefined,
      life: 0,
    }));
  }

  run(untilMs: number): void {
    for (let next = this.#events[0]; next !== undefined && next.atMs <= untilMs; next = this.#events[0]) {
      this.#events.shift();
      this.#moveTo(next.atMs);
      next.run();
    }
    this.#moveTo(untilMs);
  }

  /** Requests that nobody ends are over at their deadline. */
  #moveTo(nowMs: number): void {
    this.nowMs = nowMs;
    for (const [requestId, { endsMs }] of this.underWay) if (endsMs <= nowMs) this.underWay.delete(requestId);
  }

  /** A request, which begins if the gate holds a place, and else has the gate ask for one. */
  ask(index: number, out: DelayMs, back: DelayMs): void {
    const gate = this.#gate(index);
    if (this.#begin(index)) return;
    if (gate.asking !== undefined) return;
    this.#order(index, 1, out, back, () => {
      if (!this.#begin(index)) this.numRefused += 1;
    });
  }

  end(index: number): void {
    const [requestId] = [...this.underWay].find(([, { gate }]) => gate === index) ?? [];
    if (requestId === undefined) return;
    this.underWay.delete(requestId);
    this.#gate(index).leases.end(requestId);
  }

  /** Tells the ledger what the gate has no use for. */
  report(index: number, out: DelayMs, back: DelayMs): void {
    if (this.#gate(index).asking === undefined) this.#order(index, 0, out, back, () => undefined);
  }

  /** The ledger asks all others for what they have no use for. */
  recall(index: number, out: DelayMs, back: DelayMs): void {
    const register = this.#register;
    for (const { gate: name, session } of register.recall(String(index), this.nowMs)) {
      this.#after(out, () => {
        const { places, leases } = this.#gate(Number(name));
        leases.expire(this.nowMs);
        const claim = places.recall(session, leases.count, this.nowMs);
        this.#after(back, () => register === this.#register && register.claim(name, claim, this.nowMs));
      });
    }
  }

  crashGate(index: number): void {
    const gate = this.#gate(index);
    gate.life += 1;
    gate.places = new Places();
    gate.leases = gate.stored === undefined ? new Leases(leaseMs) : Leases.restore(gate.stored, this.nowMs);
    gate.asking = undefined;
  }

  crashLedger(): void {
    this.#register = this.#openRegister();
    this.#ceiling = new Ceiling({ concurrentRequests: this.#limit }, undefined, this.#register);
  }

  /** Writes what has changed since; a crash may come before. */
  save(): void {
    for (const [gate, held] of this.#register.takeUnsaved(true)) this.#stored.set(gate, held);
  }

  #begin(index: number): boolean {
    const { places, leases, stored } = this.#gate(index);
    leases.expire(this.nowMs);
    if (!places.areLimited || !places.has(1, leases.count, this.nowMs)) return false;
    const requestId = `${index}/${++this.#numNames}`;
    leases.begin(requestId, "model", 0, this.nowMs);
    if (!leases.isCovered() || stored === undefined) this.#gate(index).stored = leases.toStored(true);
    this.underWay.set(requestId, { gate: index, endsMs: this.nowMs + leaseMs });
    this.numAdmitted += 1;
    this.most = Math.max(this.most, this.underWay.size);
    return true;
  }

  #order(index: number, least: number, out: DelayMs, back: DelayMs, then: () => void): void {
    const gate = this.#gate(index);
    const { places, leases, life } = gate;
    leases.expire(this.nowMs);
    const askedAtMs = this.nowMs;
    const claim = places.claim(leases.count, least > 0, askedAtMs);
    const order: SliceOrder = {
      sliceId: String(++this.#numNames),
      gate: String(index),
      least: least > 0 ? requests : undefined,
      wanted: requests,
      reports: [],
      unusedTokens: 0,
      places: { claim, least, wanted: least },
    };
    const isHere = () => gate.life === life && gate.asking === askedAtMs;
    gate.asking = askedAtMs;
    this.#after(timeoutMs, () => isHere() && (gate.asking = undefined));
    this.#after(out, () => {
      const answer = this.#lease(order);
      this.#after(back, () => {
        if (!isHere()) return;
        gate.asking = undefined;
        if (answer.kind === "outdated") places.beginSession(answer.session, claim);
        else if (answer.kind !== "refused") {
          places.accept(claim, answer.kind === "granted" ? answer.places : undefined, askedAtMs, this.nowMs);
        }
        then();
      });
    });
  }

  #lease(order: SliceOrder): SliceAnswer {
    const answer = this.#ceiling.lease(order, this.nowMs);
    for (const [gate, held] of this.#register.takeUnsaved(false)) this.#stored.set(gate, held);
    return answer;
  }

  #openRegister(): PlaceRegister {
    const stored = new Map([...this.#stored].filter(([, held]) => held > 0));
    const newSession = () => `session-${++this.#numNames}`;
    return new PlaceRegister({ limit: this.#limit, leaseMs, newSession }, stored, this.nowMs);
  }

  #gate(index: number): Gate {
    const gate = this.gates[index];
    if (gate === undefined) throw new RangeError("no such gate");
    return gate;
  }

  #after(delay: DelayMs, run: () => void): void {
    if (delay === undefined) return;
    const atMs = this.nowMs + delay;
    const later = this.#events.findIndex((event) => event.atMs > atMs);
    this.#events.splice(later === -1 ? this.#events.length : later, 0, { atMs, run });
  }
}

const numGates = 4;
const delayMs = fc.oneof(
  { weight: 6, arbitrary: fc.nat(200) },
  { weight: 1, arbitrary: fc.integer({ min: 200, max: 90_000 }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const gate = fc.nat(numGates - 1);
const step = fc.oneof(
  { weight: 30, arbitrary: fc.record({ kind: fc.constant("ask" as const), gate, out: delayMs, back: delayMs }) },
  { weight: 20, arbitrary: fc.record({ kind: fc.constant("end" as const), gate }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("report" as const), gate, out: delayMs, back: delayMs }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("recall" as const), gate, out: delayMs, back: delayMs }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("crashGate" as const), gate }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crashLedger" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("save" as const) }) },
);
const pauseMs = fc.oneof(
  { weight: 12, arbitrary: fc.nat(60) },
  { weight: 1, arbitrary: fc.nat(8_000) },
  { weight: 1, arbitrary: fc.nat(80_000) },
);
const history = fc.array(fc.tuple(pauseMs, step), { minLength: 20, maxLength: 250, size: "max" });

test("whatever crashes, gets lost or comes late, no more requests are under way than there are places", () => {
  let numAdmitted = 0;
  let numFull = 0;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 24 }), history, (limit, steps) => {
      const world = new World(limit, numGates);
      for (const [afterMs, event] of steps) {
        world.run(world.nowMs + afterMs);
        if (event.kind === "ask") world.ask(event.gate, event.out, event.back);
        else if (event.kind === "end") world.end(event.gate);
        else if (event.kind === "report") world.report(event.gate, event.out, event.back);
        else if (event.kind === "recall") world.recall(event.gate, event.out, event.back);
        else if (event.kind === "crashGate") world.crashGate(event.gate);
        else if (event.kind === "crashLedger") world.crashLedger();
        else world.save();
      }
      numAdmitted += world.numAdmitted;
      if (world.most === limit) numFull += 1;
      expect(world.most).toBeLessThanOrEqual(limit);
    }),
    { numRuns: 10_000 },
  );
  // The property is not kept by admitting nobody.
  expect(numAdmitted).toBeGreaterThan(10_000);
  expect(numFull).toBeGreaterThan(100);
});

test("what a gate that crashed claims beyond the limit, because it may have begun, never becomes a place", () => {
  const world = new World(1, 2);
  for (let count = 0; count < 2; count += 1) {
    world.ask(0, 5, 5);
    world.run(world.nowMs + 20);
  }
  expect(world.underWay.size).toBe(1);
  world.crashGate(0);
  world.run(startMs + leaseMs - 2_000);
  // The ledger hears of two: the one, and one that was written ahead.
  world.recall(1, 5, 5);
  world.run(world.nowMs + 20);
  world.report(0, 5, 5);
  world.run(startMs + leaseMs + 100);
  for (let count = 0; count < 4; count += 1) {
    world.ask(0, 5, 5);
    world.run(world.nowMs + 20);
  }
  expect(world.most).toBe(1);
  expect(world.numAdmitted).toBe(2);
});

test("all places can be used by one gate after another, whoever had them before", () => {
  const world = new World(8, 3);
  for (let round = 0; round < 3; round += 1) {
    for (let count = 0; count < 30; count += 1) {
      world.ask(round, 5, 5);
      world.run(world.nowMs + 20);
      world.recall(round, 5, 5);
      world.run(world.nowMs + 20);
    }
    expect(world.underWay.size).toBe(8);
    for (let count = 0; count < 8; count += 1) world.end(round);
  }
  expect(world.numAdmitted).toBe(24);
});

test("a busy gate's requests do not wait for the ledger", () => {
  const world = new World(160, 1);
  world.ask(0, 5, 5);
  world.run(world.nowMs + 20);
  world.ask(0, 5, 5);
  world.run(world.nowMs + 20);
  const before = world.numAdmitted;
  // A sixteenth of the places, less what is under way.
  for (let count = 0; count < 9; count += 1) world.ask(0, undefined, undefined);
  expect(world.numAdmitted - before).toBe(9);
});

test("places of a gate that is never heard of again are free when its requests must have ended, and not before", () => {
  const world = new World(2, 2);
  for (let count = 0; count < 4; count += 1) {
    world.ask(0, 5, 5);
    world.run(world.nowMs + 20);
  }
  expect(world.underWay.size).toBe(2);
  world.underWay.clear();
  const goneAtMs = world.nowMs;
  while (world.underWay.size === 0) {
    world.ask(1, 5, 5);
    world.run(world.nowMs + 1_000);
  }
  expect(world.nowMs - goneAtMs).toBeGreaterThanOrEqual(leaseMs);
  expect(world.nowMs - goneAtMs).toBeLessThanOrEqual(leaseMs + 10_000);
});
