import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Leases } from "./leases.ts";

const leaseMs = 1_000;

const histories = fc.record({
  /** When each began, of which model, and whether it has ended. */
  begun: fc.array(fc.record({ afterMs: fc.nat(300), model: fc.constantFrom("a", "b"), hasEnded: fc.boolean() })),
  phantoms: fc.record({ count: fc.nat(3), deadlineMs: fc.nat(3_000) }),
  numEnded: fc.integer({ min: 1, max: 6 }),
  model: fc.constantFrom("a", "b", undefined),
});

test("the time by which so many have ended is that of their deadlines in order, phantoms among them", () => {
  fc.assert(
    fc.property(histories, ({ begun, phantoms, numEnded, model }) => {
      const leases = Leases.restore({ leases: [], phantoms, leaseMs }, 0);
      const deadlines = Array<number>(phantoms.count).fill(phantoms.deadlineMs);
      let nowMs = 0;
      for (const [index, { afterMs, model: ofLease, hasEnded }] of begun.entries()) {
        nowMs += afterMs;
        leases.begin(String(index), ofLease, 1, nowMs);
        if (hasEnded) leases.end(String(index));
        else if (model === undefined || ofLease === model) deadlines.push(nowMs + leaseMs);
      }
      const expected = deadlines.toSorted((one, other) => one - other)[numEnded - 1];
      expect(leases.untilEndedMs(numEnded, model, nowMs)).toBe(expected === undefined ? 0 : expected - nowMs);
    }),
  );
});
