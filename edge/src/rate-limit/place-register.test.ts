// What gates that are short, and gates that look ahead, get of the places. Who holds how many: places.test.ts.
import { expect, test } from "vitest";
import { contentionMs, PlaceRegister } from "./place-register.ts";

function openRegister(limit: number) {
  let numSessions = 0;
  const register = new PlaceRegister(
    { limit, leaseMs: 60_000, newSession: () => `session-${++numSessions}` },
    new Map(),
    0,
  );
  const claims = new Map<string, { session: string; sequence: number }>();
  return {
    /** What the gate holds afterwards; undefined when it is refused. */
    order: (gate: string, held: number, used: number, least: number, wanted: number, nowMs: number) => {
      const { session, sequence } = claims.get(gate) ?? { session: register.beginSession(gate, nowMs), sequence: 0 };
      claims.set(gate, { session, sequence: sequence + 1 });
      const claim = { session, sequence: sequence + 1, held, used };
      if (!register.claim(gate, claim, nowMs)) throw new Error("a claim that does not count");
      return register.grant(gate, { claim, least, wanted }, nowMs)?.held;
    },
  };
}

test("while others are short, who only looks ahead gets no place", () => {
  const { order } = openRegister(2);
  expect(order("ahead", 0, 0, 1, 1, 0)).toBe(1);
  expect(order("other", 0, 0, 1, 1, 10)).toBe(1);
  expect(order("short", 0, 0, 1, 1, 20)).toBeUndefined();
  // The other's request ends, and it gives the place back.
  expect(order("other", 0, 0, 0, 0, 30)).toBe(0);
  expect(order("ahead", 1, 1, 0, 1, 40)).toBe(1);
  expect(order("short", 0, 0, 1, 1, 50)).toBe(1);
});

test("when nobody is short any more, who looks ahead gets a place", () => {
  const { order } = openRegister(1);
  expect(order("other", 0, 0, 1, 1, 0)).toBe(1);
  expect(order("short", 0, 0, 1, 1, 20)).toBeUndefined();
  expect(order("other", 0, 0, 0, 0, 30)).toBe(0);
  expect(order("ahead", 0, 0, 0, 1, 20 + contentionMs - 1)).toBe(0);
  expect(order("ahead", 0, 0, 0, 1, 20 + contentionMs)).toBe(1);
});
