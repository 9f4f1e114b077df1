// Whatever becomes of gates, of their ledger and of what they say to each other; see testing/places-world.ts.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { leaseMs, World } from "./testing/places-world.ts";
import { startMs } from "./testing/virtual-time.ts";

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
