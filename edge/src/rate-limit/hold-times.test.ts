import { seededRandom } from "@sluice/shared/test-data/seeded-random.ts";
import { expect, test } from "vitest";
import { type HeldPlaces, HoldTimes } from "./hold-times.ts";

function toldAfter(heldMs: readonly number[], numHeld: number, numRefused: number): number[] {
  const times = new HoldTimes();
  for (const held of heldMs) times.note(held);
  return Array.from({ length: numRefused }, () => times.untilFreeMs({ count: numHeld, agesMs: [] }, 0));
}

test("who is refused is told when a place is likely to be free, each another moment", () => {
  expect(toldAfter([8_000, 8_000], 4, 6)).toEqual([2_000, 4_000, 6_000, 8_000, 2_000, 4_000]);
});

test("the first who is refused after a place was free is told the next moment", () => {
  const times = new HoldTimes();
  times.note(8_000);
  times.untilFreeMs({ count: 4, agesMs: [] }, 0);
  times.note(8_000);
  expect(times.untilFreeMs({ count: 4, agesMs: [] }, 60_000)).toBe(2_000);
});

test("of the last requests the newest counts most", () => {
  const [told = 0] = toldAfter([1_000, 1_000, 9_000], 1, 1);
  expect(told).toBe(2_000);
});

test.each([
  { when: "nothing has ended yet", heldMs: [], numHeld: 2, told: 500 },
  { when: "requests last for an hour", heldMs: [3_600_000], numHeld: 1, told: 60_000 },
  { when: "requests last for no time", heldMs: [0], numHeld: 100, told: 1 },
])("when $when, it is $told ms", ({ heldMs, numHeld, told }) => {
  expect(toldAfter(heldMs, numHeld, 1)).toEqual([told]);
});

test("places that are held far longer than others were count for less", () => {
  const times = new HoldTimes();
  for (let count = 0; count < 8; count += 1) times.note(1_000);
  const told = (agesMs: readonly number[]) => times.untilFreeMs({ count: 4, agesMs }, 0);
  expect(told([0, 100, 200, 300])).toBe(250);
  times.note(1_000);
  const withDead = told([0, 200_000, 300_000, 600_000]);
  expect(withDead).toBeGreaterThan(980);
  expect(withDead).toBeLessThan(1_000);
});

test("of places elsewhere too, the time told grows with the time for which none was free", () => {
  const times = new HoldTimes();
  const told = [0, 1_000, 4_000].map((nowMs) => times.untilFreeMs({ count: 1, agesMs: [] }, nowMs));
  expect(told).toEqual([1_000, 2_000, 5_000]);
});

test("after a crash, while dead Workers hold all places, a client that waits as told asks in vain a few times, not hundreds", () => {
  const deadlineMs = 660_000;
  for (const numDead of [1, 10, 1_000]) {
    const times = new HoldTimes();
    let numAsked = 0;
    let nowMs = 100;
    for (; nowMs < deadlineMs; numAsked += 1) {
      const waitMs = times.untilFreeMs({ count: numDead, agesMs: Array<number>(numDead).fill(nowMs) }, nowMs);
      nowMs += Math.min(waitMs, deadlineMs - nowMs);
    }
    expect(numAsked).toBeLessThan(25);
  }
});

/**
 * Requests come in bursts of ten for five places, twice as many as there is time for, and last 20 s on average. Who is refused asks
 * again twice. Returns the share of those who get in.
 */
function shareServed(waitMs: (times: HoldTimes, held: HeldPlaces, nowMs: number, numTried: number) => number): number {
  const random = seededRandom(1);
  const exponential = (mean: number) => -Math.log(1 - random()) * mean;
  const [numPlaces, burst, meanMs] = [5, 10, 20_000];
  const times = new HoldTimes();
  const events: { readonly atMs: number; readonly run: () => void }[] = [];
  const at = (atMs: number, run: () => void) => {
    const later = events.findIndex((event) => event.atMs > atMs);
    events.splice(later === -1 ? events.length : later, 0, { atMs, run });
  };
  /** When those began that hold places. */
  const began: number[] = [];
  let [nowMs, numServed, numGivenUp] = [0, 0, 0];
  const ask = (numTried: number): void => {
    if (began.length < numPlaces) {
      const beganAtMs = nowMs;
      began.push(beganAtMs);
      numServed += 1;
      const heldMs = exponential(meanMs);
      at(nowMs + heldMs, () => {
        began.splice(began.indexOf(beganAtMs), 1);
        times.note(heldMs);
      });
    } else if (numTried === 2) numGivenUp += 1;
    else {
      const held = { count: numPlaces, agesMs: began.map((beganAtMs) => nowMs - beganAtMs) };
      at(nowMs + waitMs(times, held, nowMs, numTried), () => ask(numTried + 1));
    }
  };
  const arrive = (): void => {
    for (let index = 0; index < burst; index += 1) ask(0);
    at(nowMs + exponential((burst * meanMs) / (2 * numPlaces)), arrive);
  };
  arrive();
  while (nowMs < 10_000_000) {
    const next = events.shift();
    if (next === undefined) throw new Error("somebody always comes");
    nowMs = next.atMs;
    next.run();
  }
  return numServed / (numServed + numGivenUp);
}

test("clients that retry twice get in more often than by the backoff of OpenAI's clients", () => {
  const byBackoff = shareServed((_times, _held, _nowMs, numTried) => 500 * 2 ** numTried);
  const byHint = shareServed((times, held, nowMs) => times.untilFreeMs(held, nowMs));
  expect(byBackoff).toBeLessThan(0.3);
  expect(byHint).toBeGreaterThan(0.4);
});
