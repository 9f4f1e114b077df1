import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Displaceable, type Holding, shareQueue } from "./queue-shares.ts";

const bounds = { numSequences: 8, numTokens: 80 };

/** A tenant of which `count` requests wait, each of 10 tokens. */
function holding(tenant: string, count: number, priority = 0): Holding<Displaceable> {
  const displaceable = Array.from({ length: count }, () => ({ priority, numSequences: 1, numTokens: 10 }));
  return { tenant, numRequests: count, numSequences: count, numTokens: 10 * count, displaceable };
}

function ask(tenant: string, holdings: readonly Holding<Displaceable>[], asked: Partial<Displaceable> = {}) {
  const used = holdings.reduce((sum, { numSequences }) => sum + numSequences, 0);
  const free = { numSequences: bounds.numSequences - used, numTokens: bounds.numTokens - 10 * used };
  return shareQueue({ tenant, priority: 0, numSequences: 1, numTokens: 10, ...asked }, holdings, free, bounds);
}

test("one tenant alone may have the whole queue, and then it is full", () => {
  expect(ask("a", [holding("a", 7)])).toEqual({ kind: "room", displaced: [] });
  expect(ask("a", [holding("a", 8)])).toMatchObject({ kind: "full" });
});

test("a tenant with less than its share takes room from the one with most, its last request", () => {
  const [a, b] = [holding("a", 5), holding("b", 3)];
  expect(ask("c", [a, b])).toEqual({ kind: "room", displaced: [a.displaceable[4]] });
  expect(ask("b", [a, b])).toEqual({ kind: "room", displaced: [a.displaceable[4]] });
});

test("who has a share and more is refused first", () => {
  expect(ask("a", [holding("a", 7), holding("b", 1)])).toMatchObject({ kind: "over_share" });
  expect(ask("a", [holding("a", 4), holding("b", 4)])).toMatchObject({ kind: "over_share" });
});

test("nobody is displaced for a request of lower priority, nor who has begun", () => {
  const begun = { ...holding("a", 8), displaceable: [] };
  expect(ask("b", [begun])).toMatchObject({ kind: "full" });
  expect(ask("b", [holding("a", 8)], { priority: 1 })).toMatchObject({ kind: "full" });
  expect(ask("b", [holding("a", 8, 1)], { priority: 1 })).toMatchObject({ kind: "room" });
});

test("a tenant's own requests of lower priority give way, the last of the lowest first, its share or not", () => {
  const flex = holding("a", 6, 1);
  const mixed = { ...flex, displaceable: [{ priority: 0, numSequences: 1, numTokens: 10 }, ...flex.displaceable] };
  const all = { ...mixed, numRequests: 7, numSequences: 7, numTokens: 70 };
  const full = [all, holding("b", 1)];
  expect(ask("a", full)).toEqual({ kind: "room", displaced: [flex.displaceable[5]] });
  expect(ask("a", [holding("a", 8, 1)], { numSequences: 3 })).toMatchObject({ displaced: { length: 3 } });
  expect(ask("a", full, { priority: 1 })).toMatchObject({ kind: "over_share" });
  // Not in vain.
  expect(ask("a", [holding("a", 8, 1)], { numSequences: 9 })).toEqual({ kind: "full", measure: "numSequences" });
});

test("nobody loses its only request", () => {
  const singles = Array.from({ length: 8 }, (_, index) => holding(`${index}`, 1));
  expect(ask("new", singles)).toMatchObject({ kind: "full" });
});

test("nobody is displaced in vain", () => {
  const [tooMany, tooLong] = [
    { numSequences: 5, numTokens: 10 },
    { numSequences: 1, numTokens: 60 },
  ];
  expect(ask("b", [holding("a", 8)], tooMany)).toEqual({ kind: "full", measure: "numSequences" });
  expect(ask("b", [holding("a", 8)], tooLong)).toEqual({ kind: "full", measure: "numTokens" });
});

test("whatever waits: who is within a share gets in, and nobody else's share is touched", () => {
  const request = fc.record({
    priority: fc.constant(0),
    numSequences: fc.integer({ min: 1, max: 4 }),
    numTokens: fc.integer({ min: 1, max: 40 }),
  });
  let numDisplaced = 0;
  fc.assert(
    fc.property(
      fc.array(fc.array(request, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }),
      fc.nat(4),
      request,
      (queues, asker, asked) => {
        const holdings = queues.map((displaceable, index) => ({
          tenant: `${index}`,
          numRequests: displaceable.length,
          numSequences: displaceable.reduce((sum, each) => sum + each.numSequences, 0),
          numTokens: displaceable.reduce((sum, each) => sum + each.numTokens, 0),
          displaceable,
        }));
        const tenant = `${asker}`;
        const own = holdings.find((each) => each.tenant === tenant);
        const numTenants = holdings.length + (own === undefined ? 1 : 0);
        // As full as can be.
        const total = {
          numSequences: holdings.reduce((sum, each) => sum + each.numSequences, 0),
          numTokens: holdings.reduce((sum, each) => sum + each.numTokens, 0),
        };
        const answer = shareQueue({ tenant, ...asked }, holdings, { numSequences: 0, numTokens: 0 }, total);
        if (answer.kind !== "room") return;
        const share = total.numSequences / numTenants;
        expect(own === undefined || own.numSequences + asked.numSequences <= share).toBe(true);
        for (const measure of ["numSequences", "numTokens"] as const) {
          expect(answer.displaced.reduce((sum, each) => sum + each[measure], 0)).toBeGreaterThanOrEqual(asked[measure]);
        }
        for (const { tenant: loser, displaceable, numSequences, numTokens } of holdings) {
          const lost = answer.displaced.filter((each) => displaceable.includes(each));
          if (lost.length === 0) continue;
          // All have one priority.
          expect(loser).not.toBe(tenant);
          expect(lost.length).toBeLessThan(displaceable.length);
          expect(numSequences > share || numTokens > total.numTokens / numTenants).toBe(true);
        }
        numDisplaced += answer.displaced.length;
      },
    ),
  );
  expect(numDisplaced).toBeGreaterThan(50);
});

test("of requests of one size, no tenant within its share is ever refused, whoever fills the queue", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 200 }), (arrivals) => {
      const queues = new Map<string, Displaceable[]>();
      for (const tenant of arrivals) {
        const holdings = [...queues].map(([name, displaceable]) => ({
          ...holding(name, displaceable.length),
          displaceable,
        }));
        const numHeld = queues.get(tenant)?.length ?? 0;
        const numTenants = new Set([...queues.keys(), tenant]).size;
        const answer = ask(tenant, holdings);
        const isWithinShare = numHeld + 1 <= bounds.numSequences / numTenants;
        expect(answer.kind === "room" || !isWithinShare).toBe(true);
        if (answer.kind !== "room") continue;
        for (const [name, queue] of queues)
          queues.set(
            name,
            queue.filter((each) => !answer.displaced.includes(each)),
          );
        queues.set(tenant, [...(queues.get(tenant) ?? []), { priority: 0, numSequences: 1, numTokens: 10 }]);
        for (const [name, queue] of queues) if (queue.length === 0) queues.delete(name);
        expect([...queues.values()].flat().length).toBeLessThanOrEqual(bounds.numSequences);
      }
    }),
  );
});
