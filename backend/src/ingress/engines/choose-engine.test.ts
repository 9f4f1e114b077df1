import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseEngine } from "./choose-engine.ts";
import { type EngineView, expectedMs, othersMs, workAhead } from "./expected-time.ts";

const idle: EngineView = {
  isStale: false,
  numRunning: 0,
  numWaiting: 0,
  numSent: 0,
  numQueuedTokens: 0,
  numFreeBlocks: 1_000,
  blockSize: 64,
  maxNumBatchedTokens: 512,
  maxNumSeqs: 64,
  pace: { prefillMsPerToken: 0.1, decodeMsPerSequence: 0.5, turnoverMs: 50 },
  numPromptTokens: 640,
  numHeldTokens: 0,
  homeRank: undefined,
};
const unmeasured = { ...idle, pace: {} };

const first = (): number => 0;

/** Index and reason of what is chosen. */
function choose(views: readonly EngineView[], random: () => number = first) {
  const candidates = views.map((view, index) => ({ view, index }));
  const pick = chooseEngine(candidates, random);
  return pick && [pick.candidate.index, pick.reason];
}

/** A view of an engine in any state. */
const anyView = fc.record({
  isStale: fc.boolean(),
  numRunning: fc.nat(64),
  numWaiting: fc.nat(64),
  numSent: fc.nat(16),
  numQueuedTokens: fc.nat(20_000),
  numFreeBlocks: fc.nat(1_000),
  blockSize: fc.constantFrom(16, 64),
  maxNumBatchedTokens: fc.constant(512),
  maxNumSeqs: fc.constant(64),
  pace: fc.constantFrom({}, idle.pace, { prefillMsPerToken: 0 }),
  numPromptTokens: fc.constant(640),
  numHeldTokens: fc.constantFrom(0, 64, 576),
  homeRank: fc.constantFrom(undefined, 1, 2, 3),
});

describe("the engine that is expected to answer first", () => {
  test.each<[string, readonly EngineView[], unknown]>([
    ["nobody, of none", [], undefined],
    ["the first of equals, when that is drawn", [idle, idle], [0, "expected_time"]],
    ["the one that holds the prefix", [idle, { ...idle, numHeldTokens: 576 }], [1, "prefix"]],
    [
      "the one that holds the prefix, also with as much ahead as that saves",
      [idle, { ...idle, numHeldTokens: 576, numQueuedTokens: 1000 }],
      [1, "prefix"],
    ],
    [
      "an idle one, when the holder has more ahead than that saves it and others",
      [idle, { ...idle, numHeldTokens: 576, numQueuedTokens: 1200 }],
      [0, "expected_time"],
    ],
    [
      "the holder, rather than one where others would be held up",
      [
        { ...idle, numRunning: 2 },
        { ...idle, numHeldTokens: 576, numQueuedTokens: 1200 },
      ],
      [1, "prefix"],
    ],
    [
      "the prompt's home, of equals of which none holds it",
      [
        { ...idle, homeRank: 1 },
        { ...idle, homeRank: 3 },
        { ...idle, homeRank: 2 },
      ],
      [1, "expected_time"],
    ],
    [
      "no home, when that has as much ahead as the prompt takes",
      [
        { ...idle, homeRank: 1 },
        { ...idle, homeRank: 3, numQueuedTokens: 800 },
      ],
      [0, "expected_time"],
    ],
    ["fewer queued tokens", [{ ...idle, numQueuedTokens: 500 }, idle], [1, "expected_time"]],
    ["fewer decodes in every step", [{ ...idle, numRunning: 40 }, idle], [1, "expected_time"]],
    [
      "a free place rather than a prefix behind a full house",
      [{ ...idle, numRunning: 64, numWaiting: 2, numHeldTokens: 576 }, idle],
      [1, "expected_time"],
    ],
    [
      "room for the prompt's blocks rather than a short queue",
      [
        { ...idle, numFreeBlocks: 5 },
        { ...idle, numQueuedTokens: 100 },
      ],
      [1, "expected_time"],
    ],
    [
      "a quick engine behind a queue rather than a slow one without",
      [
        { ...idle, pace: { prefillMsPerToken: 1 } },
        { ...idle, numQueuedTokens: 640 },
      ],
      [1, "expected_time"],
    ],
    [
      "one that measured nothing yet, at the others' pace",
      [{ ...idle, numQueuedTokens: 500 }, unmeasured],
      [1, "expected_time"],
    ],
    [
      "the least work, when nobody measured anything",
      [{ ...unmeasured, numRunning: 2 }, unmeasured],
      [1, "least_load"],
    ],
    [
      "the least work also in what is left of the prompt",
      [unmeasured, { ...unmeasured, numHeldTokens: 576 }],
      [1, "least_load"],
    ],
    [
      "one whose signal is fresh",
      [
        { ...idle, isStale: true },
        { ...idle, numQueuedTokens: 9_999 },
      ],
      [1, "expected_time"],
    ],
    ["any, when all signals are stale", [{ ...idle, isStale: true, numQueuedTokens: 9_999 }], [0, "random"]],
  ])("is %s", (_, views, expected) => {
    expect(choose(views)).toEqual(expected);
  });

  test("with equal load is the holder, whatever the load and whatever is drawn", () => {
    const drawn = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(anyView, fc.nat(3), drawn, (view, holder, random) => {
        const load = { ...view, isStale: false, pace: idle.pace, numQueuedTokens: view.numQueuedTokens % 2_000 };
        fc.pre(load.numRunning + load.numWaiting + load.numSent < load.maxNumSeqs && load.numFreeBlocks > 200);
        const views = [0, 1, 2, 3].map((index) => ({ ...load, numHeldTokens: index === holder ? 576 : 0 }));
        expect(choose(views, () => random)).toEqual([holder, "prefix"]);
      }),
    );
  });

  test("is never one with much more ahead than the best, and never a stale one while one is fresh", () => {
    const draws = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 2 });
    fc.assert(
      fc.property(fc.array(anyView, { minLength: 1, maxLength: 6 }), draws, (views, drawn) => {
        let next = 0;
        const [index, reason] = choose(views, () => drawn[next++ % drawn.length] ?? 0) ?? [];
        const chosen = views[Number(index)]!;
        const fresh = views.filter(({ isStale }) => !isStale);
        expect(chosen.isStale).toBe(fresh.length === 0);
        const home = Math.max(...fresh.map(({ homeRank = 0 }) => homeRank));
        const hasHome = fresh.every(({ homeRank, numHeldTokens }) => homeRank !== undefined && numHeldTokens === 0);
        const prices = fresh.map((view) => {
          const { prefillMsPerToken = Infinity } = view.pace;
          const isHome = hasHome && view === fresh.find(({ homeRank }) => homeRank === home);
          if (reason === "least_load") return workAhead(view);
          return expectedMs(view, prefillMsPerToken) + othersMs(view, prefillMsPerToken, isHome);
        });
        const price = prices[fresh.indexOf(chosen)] ?? 0;
        // Those that measured nothing take the others' mean, which is not looked into here.
        expect(Number.isFinite(price) ? price : 0).toBeLessThanOrEqual(Math.min(...prices) * 1.1 + 0.5);
      }),
    );
  });

  test("many who choose by the same reports do not all choose alike", () => {
    const views = [idle, { ...idle, numQueuedTokens: 20 }, { ...idle, numQueuedTokens: 40 }, idle];
    const numPicks = [0, 0, 0, 0];
    for (let chooser = 0; chooser < 400; chooser += 1) {
      const draws = [(chooser % 20) / 20, Math.floor(chooser / 20) / 20];
      const [index = 0] = choose(views, () => draws.shift() ?? 0) ?? [];
      numPicks[Number(index)]! += 1;
    }
    // Two draws of four: the worst is taken never, the better ones share.
    expect(Math.max(...numPicks)).toBeLessThanOrEqual(200);
    expect(numPicks[0]).toBeGreaterThan(100);
    expect(numPicks[3]).toBeGreaterThan(100);
  });
});
