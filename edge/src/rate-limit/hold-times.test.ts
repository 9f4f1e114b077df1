import { seededRandom } from "@sluice/shared/test-data/seeded-random.ts";
import { expect, test } from "vitest";
import { HoldTimes } from "./hold-times.ts";

function toldAfter(heldMs: readonly number[], numHeld: number, numRefused: number): number[] {
  const times = new HoldTimes();
  for (const held of heldMs) times.note(held);
  return Array.from({ length: numRefused }, () => times.untilFreeMs(numHeld));
}

test("who is refused is told when a place is likely to be free, each another moment", () => {
  expect(toldAfter([8_000, 8_000], 4, 6)).toEqual([2_000, 4_000, 6_000, 8_000, 2_000, 4_000]);
});

test("the first who is refused after a place was free is told the next moment", () => {
  const times = new HoldTimes();
  times.note(8_000);
  times.untilFreeMs(4);
  times.note(8_000);
  expect(times.untilFreeMs(4)).toBe(2_000);
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

/**
 * Requests come in bursts of ten for five places, twice as many as there is time for, and last 20 s on average. Who is refused asks
 * again twice. Returns the share of those who get in.
 */
function shareServed(waitMs: (times: HoldTimes, numTried: number) => number): number {
  const random = seededRandom(1);
  const exponential = (mean: number) => -Math.log(1 - random()) * mean;
  const [numPlaces, burst, meanMs] = [5, 10, 20_000];
  const times = new HoldTimes();
  const events: { readonly atMs: number; readonly run: () => void }[] = [];
  const at = (atMs: number, run: () => void) => {
    const later = events.findIndex((event) => event.atMs > atMs);
    events.splice(later === -1 ? events.length : later, 0, { atMs, run });
  };
  let [nowMs, numHeld, numServed, numGivenUp] = [0, 0, 0, 0];
  const ask = (numTried: number): void => {
    if (numHeld < numPlaces) {
      numHeld += 1;
      numServed += 1;
      const heldMs = exponential(meanMs);
      at(nowMs + heldMs, () => {
        numHeld -= 1;
        times.note(heldMs);
      });
    } else if (numTried === 2) numGivenUp += 1;
    else at(nowMs + waitMs(times, numTried), () => ask(numTried + 1));
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
  const byBackoff = shareServed((_, numTried) => 500 * 2 ** numTried);
  const byHint = shareServed((times) => times.untilFreeMs(5));
  expect(byBackoff).toBeLessThan(0.3);
  expect(byHint).toBeGreaterThan(0.4);
});
