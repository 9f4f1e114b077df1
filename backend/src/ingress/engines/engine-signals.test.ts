import type { CacheEvents, WatchResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseEngine } from "./choose-engine.ts";
import { EngineSignals } from "./engine-signals.ts";
import { PromptBlocks } from "./prompt-blocks.ts";

const blockSize = 16;
const model = {
  modelId: "tiny",
  maxModelLen: 4096,
  vocabSize: 1_000,
  blockSize,
  embeddingSize: 8,
  numBlocks: 1_000,
  engineId: "0",
  maxNumBatchedTokens: 512,
  maxNumSeqs: 64,
  prefixCaching: true,
};
const idle: WatchResponse = {
  numRunning: 0,
  numWaiting: 0,
  numQueuedTokens: 0,
  numFreeBlocks: 1_000,
  numBlocks: 1_000,
  draining: false,
  promptTokensTotal: 0,
  generationTokensTotal: 0,
  numPreemptionsTotal: 0,
  adapterIds: [],
  pace: { prefillMsPerToken: 0.1, decodeMsPerSequence: 0.5, turnoverMs: 50 },
};

/** An engine that was reached and reported at time 0. */
function reached(overrides: Partial<typeof model> = {}, maxKnownBlocks = 1_000): EngineSignals {
  const signals = new EngineSignals("engine", maxKnownBlocks);
  signals.introduce({ ...model, ...overrides });
  signals.beginWatch();
  signals.noteReport(idle, 0);
  return signals;
}

/** 160 tokens under a salt, of which the first `numShared` are everybody's. */
function prompt(seed = 1, numShared = 160, fields: { cacheSalt?: string; scored?: boolean } = {}): PromptBlocks {
  const promptTokenIds = Array.from({ length: 160 }, (_, index) => (index < numShared ? index : index * seed + 1));
  const logprobs = fields.scored === true ? { numTop: 0, prompt: true } : undefined;
  return new PromptBlocks({ promptTokenIds, cacheSalt: fields.cacheSalt ?? "org", logprobs });
}

function events(
  sequenceNumber: number,
  fields: { stored?: readonly string[]; evicted?: readonly string[] },
): CacheEvents {
  return { sequenceNumber, restarts: false, stored: toBytes(fields.stored), evicted: toBytes(fields.evicted) };
}

function toBytes(names: readonly string[] = []): Uint8Array {
  return Buffer.from(names.join(""), "latin1");
}

function heldBy(signals: EngineSignals, of: PromptBlocks, nowMs = 0): number | undefined {
  return signals.view(of, nowMs)?.numHeldTokens;
}

describe("what an engine is known to hold", () => {
  test("is what it told, block by block, and never the last token", () => {
    const signals = reached();
    const names = prompt().names(blockSize);
    expect(names).toHaveLength(10);
    expect(heldBy(signals, prompt())).toBe(0);
    signals.noteReport({ ...idle, cacheEvents: events(1, { stored: names }) }, 0);
    expect(heldBy(signals, prompt())).toBe(144);
    expect(heldBy(signals, prompt(2, 70))).toBe(64);
    signals.noteReport({ ...idle, cacheEvents: events(2, { evicted: names.slice(3, 4) }) }, 0);
    expect(heldBy(signals, prompt())).toBe(48);
  });

  test("is nothing under another salt, for a prompt whose logprobs are wanted, or where prefixes do not count", () => {
    const told = { ...idle, cacheEvents: events(1, { stored: prompt().names(blockSize) }) };
    const [signals, uncached, unremembered] = [reached(), reached({ prefixCaching: false }), reached({}, 0)];
    for (const each of [signals, uncached, unremembered]) each.noteReport(told, 0);
    expect(heldBy(signals, prompt())).toBe(144);
    expect(heldBy(signals, prompt(1, 160, { cacheSalt: "another" }))).toBe(0);
    expect(heldBy(signals, prompt(1, 160, { scored: true }))).toBe(0);
    expect(heldBy(uncached, prompt())).toBe(0);
    unremembered.send(prompt(), 0);
    expect(heldBy(unremembered, prompt())).toBe(0);
  });

  test("is bounded, and right again after evictions", () => {
    const signals = reached({}, 4);
    const names = prompt().names(blockSize);
    signals.noteReport({ ...idle, cacheEvents: events(1, { stored: names }) }, 0);
    expect(signals.numKnownBlocks).toBe(4);
    signals.noteReport({ ...idle, cacheEvents: events(2, { evicted: names }) }, 0);
    expect([signals.numKnownBlocks, heldBy(signals, prompt())]).toEqual([0, 0]);
  });

  test("is nothing once events were missed, until a new Watch tells all", () => {
    const signals = reached();
    const [one = "", other = ""] = prompt().names(blockSize);
    expect(signals.noteReport({ ...idle, cacheEvents: events(1, { stored: [one] }) }, 0)).toBe(true);
    expect(signals.noteReport({ ...idle, cacheEvents: events(3, { stored: [other] }) }, 0)).toBe(false);
    expect(heldBy(signals, prompt())).toBe(0);
    signals.beginWatch();
    expect(signals.noteReport({ ...idle, cacheEvents: { ...events(1, {}), restarts: true } }, 0)).toBe(true);
    expect(signals.isServing(0)).toBe(true);
  });

  test("includes prompts that are on their way, until they fail or are not heard of for long", () => {
    const signals = reached();
    const sent = signals.send(prompt(), 0);
    expect(heldBy(signals, prompt(2, 70))).toBe(64);
    signals.fail(sent);
    expect(heldBy(signals, prompt(2, 70))).toBe(0);
    signals.send(prompt(), 0);
    expect(heldBy(signals, prompt(2, 70), 29_999)).toBe(64);
    expect(heldBy(signals, prompt(2, 70), 30_000)).toBe(0);
  });
});

describe("what was sent", () => {
  test("counts as work ahead until its answer begins, or a report must have it", () => {
    const signals = reached();
    const [one, other] = [signals.send(prompt(1, 0), 0), signals.send(prompt(2, 0), 100)];
    expect(signals.view(prompt(3, 0), 100)).toMatchObject({ numSent: 2, numQueuedTokens: 320 });
    signals.settle(one);
    signals.settle(one);
    expect(signals.view(prompt(3, 0), 100)).toMatchObject({ numSent: 1, numQueuedTokens: 160 });
    signals.noteReport(idle, 299);
    expect(signals.view(prompt(3, 0), 299)).toMatchObject({ numSent: 1, numQueuedTokens: 160 });
    signals.noteReport({ ...idle, numQueuedTokens: 40 }, 300);
    expect(signals.view(prompt(3, 0), 300)).toMatchObject({ numSent: 0, numQueuedTokens: 40 });
    signals.fail(other);
    expect(signals.view(prompt(3, 0), 300)).toMatchObject({ numSent: 0, numQueuedTokens: 40 });
  });

  test("a prompt whose prefix is held counts only for the rest", () => {
    const signals = reached();
    signals.noteReport({ ...idle, cacheEvents: events(1, { stored: prompt().names(blockSize) }) }, 0);
    signals.send(prompt(), 0);
    expect(signals.view(prompt(3, 0), 0)).toMatchObject({ numSent: 1, numQueuedTokens: 16 });
  });
});

describe("whether an engine serves", () => {
  test.each([
    ["before it was reached", (signals: EngineSignals) => signals.lose(), 0, false, undefined],
    ["at first", () => {}, 0, true, false],
    ["with a report that is not the newest", () => {}, 2_499, true, false],
    ["with a report too old to compare by", () => {}, 2_500, true, true],
    ["with a report too old to rely on", () => {}, 5_000, false, true],
    [
      "while it drains",
      (signals: EngineSignals) => signals.noteReport({ ...idle, draining: true }, 0),
      0,
      false,
      false,
    ],
  ])("%s", (_, happen, nowMs, isServing, isStale) => {
    const signals = reached();
    happen(signals);
    expect(signals.isServing(nowMs)).toBe(isServing);
    expect(signals.view(prompt(), nowMs)?.isStale).toBe(isStale);
  });
});

describe("a hot prefix", () => {
  test("does not overload the engine that holds it: it has no more ahead than others and what the prompt would cost there", () => {
    const draws = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
    const numPrompts = fc.integer({ min: 1, max: 200 });
    fc.assert(
      fc.property(numPrompts, fc.integer({ min: 0, max: 144 }), draws, (count, numShared, drawn) => {
        const engines = [0, 1, 2, 3].map(() => reached());
        const stored = prompt(0, numShared)
          .names(blockSize)
          .slice(0, numShared >> 4);
        engines[0]?.noteReport({ ...idle, cacheEvents: events(1, { stored }) }, 0);
        for (let seed = 2; seed < count + 2; seed += 1) {
          const next = prompt(seed, numShared);
          const candidates = engines.map((signals) => ({ signals, view: signals.view(next, 0)! }));
          const chosen = chooseEngine(candidates, () => drawn.next().value)!.candidate;
          const bounds = candidates.map(({ view }) => {
            const numOwn = view.numPromptTokens - view.numHeldTokens;
            // Its own, one for the blocks it takes, one for each that is there; and a decode in each step, of 5 tokens' worth.
            return (
              view.numQueuedTokens + numOwn * (2 + view.numSent) + 5 * view.numSent * (1 + view.numQueuedTokens / 448)
            );
          });
          const turnoverTokens = 500;
          const numTooMany = Math.max(
            0,
            Math.min(...candidates.map(({ view }) => view.numSent)) + 1 - model.maxNumSeqs,
          );
          expect(chosen.view.numQueuedTokens).toBeLessThanOrEqual(
            1.1 * (Math.min(...bounds) + numTooMany * turnoverTokens) + 5,
          );
          chosen.signals.send(next, 0);
        }
        // And so nobody is left without work.
        const numSent = engines.map((signals) => signals.view(prompt(), 0)!.numSent);
        expect(Math.min(...numSent)).toBeGreaterThanOrEqual(count >= 100 ? 5 : 0);
      }),
      { numRuns: 60 },
    );
  });
});
