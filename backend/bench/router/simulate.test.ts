// How the choice of the engine holds out when caches are cold, an engine restarts, or its signals stop. In virtual time, so
// every run is the same.
import { expect, test } from "vitest";
import { usualBlockSize } from "#rpc/config.ts";
import { summarize } from "./outcome.ts";
import { policies } from "./policies.ts";
import { type House, type Incident, simulate } from "./simulate.ts";
import { makeTraffic } from "./traffic.ts";

const numPrefixTokens = 1536;
const house: House = {
  numEngines: 4,
  numIngresses: 3,
  // As the bench has it: 12 prefixes and what lives take 70 % of all pools, the prefixes 193 % of one.
  numBlocks: 298,
  blockSize: usualBlockSize.cpu,
  vocabSize: 512,
  limits: { maxNumBatchedTokens: 512, maxNumSeqs: 32, maxQueuedRequests: 64, maxQueuedTokens: 131_072 },
  cost: { stepMs: 1.3, prefillMsPerToken: 0.23, decodeMsPerSequence: 0.67 },
};
/** 60 % of what the engines could serve if every prefix were found. */
const requestsPerSecond = 37;
const durationMs = 20_000;
const objective = { firstTokenMs: 2 * numPrefixTokens * house.cost.prefillMsPerToken, betweenTokensMs: 20 };

async function serve(warmUpMs: number, incidents: readonly Incident[] = []) {
  const load = { requestsPerSecond, warmUpMs, durationMs };
  const traffic = makeTraffic({ numTenants: 12, numPrefixTokens, vocabSize: house.vocabSize, seed: 1, ...load });
  const policy = policies.find(({ name }) => name === "prefix-aware")!;
  const outcomes = await simulate(house, policy, traffic, 2 * (warmUpMs + durationMs), incidents);
  const counted = outcomes.filter(({ arrivedMs }) => arrivedMs >= warmUpMs);
  const { hitRate, goodput, shedRate } = summarize(counted, durationMs, house.numEngines, objective);
  return { hitRate, goodShare: goodput / requestsPerSecond, shedRate };
}

test.each<[string, number, readonly Incident[], number]>([
  ["from cold caches at full load", 0, [], 0.8],
  [
    "when an engine is killed and comes back with nothing",
    10_000,
    [{ kind: "restart", engines: [0], atMs: 10_000, durationMs: 3_000 }],
    0.85,
  ],
  [
    "when one engine reports no more",
    10_000,
    [{ kind: "silence", engines: [0], atMs: 10_000, durationMs: 15_000 }],
    0.85,
  ],
])("%s: prefixes are found, nobody is shed, and nearly all are in time", async (_, warmUpMs, incidents, leastGood) => {
  const { hitRate, goodShare, shedRate } = await serve(warmUpMs, incidents);
  expect(shedRate).toBe(0);
  expect(hitRate).toBeGreaterThan(0.88);
  expect(goodShare).toBeGreaterThan(leastGood);
});

test("without any reports requests are still served, by chance", async () => {
  const silence = { kind: "silence", engines: [0, 1, 2, 3], atMs: 10_000, durationMs: 4_000 } as const;
  const { shedRate, hitRate } = await serve(10_000, [silence]);
  expect(shedRate).toBe(0);
  expect(hitRate).toBeGreaterThan(0.5);
});
