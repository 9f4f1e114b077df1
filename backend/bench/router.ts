// How the choice of the engine shows: tenants whose prompts begin alike, on engines whose KV pools together hold about 1.4
// times what is asked of them, but none of which holds it alone. Random, least load and prefix-aware, on the same arrivals.
//
//   npm run bench:router -- [--engines 4] [--tenants 12] [--prefix 1536] [--seconds 30] [--seeds 3] [--scenarios warm,cold]
//                           [--model dir] [--cost 1.3,0.23,0.67] [--real 240]
//
// With --real so many requests are served by real engines, each a process with the model, asked by the ingress's own pool. They
// share this machine's cores, so only hits and processor time are told. Otherwise in virtual time: the engine's code and the
// ingress's are the real ones, and a step takes as long as the model's steps were measured to take just before, or as --cost says
// (milliseconds a step, a prompt token and a decode), since four real engines would take turns on this machine's cores. Several
// ingresses choose by reports that are as old as they are in production. Every row is of so many seeds' requests together.
import { cpus } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { usualBlockSize } from "#rpc/config.ts";
import { type Outcome, summarize, type Summary } from "./router/outcome.ts";
import { policies } from "./router/policies.ts";
import { serveForReal } from "./router/serve-for-real.ts";
import { type Scenario, scenarios } from "./router/scenarios.ts";
import { type House, simulate } from "./router/simulate.ts";
import { measureStepCost, type StepCost } from "./router/step-cost.ts";
import { makeTraffic, medianOutputTokens, medianQuestionTokens } from "./router/traffic.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values: args } = parseArgs({
  options: {
    engines: { type: "string", default: "4" },
    tenants: { type: "string", default: "12" },
    prefix: { type: "string", default: "1536" },
    seconds: { type: "string", default: "30" },
    seeds: { type: "string", default: "3" },
    scenarios: { type: "string" },
    cost: { type: "string" },
    model: { type: "string", default: `${root}models/pocket` },
    real: { type: "string" },
  },
});
const numEngines = Number(args.engines);
const numTenants = Number(args.tenants);
const numPrefixTokens = Number(args.prefix);
const durationMs = 1e3 * Number(args.seconds);
const numSeeds = Number(args.seeds);

const blockSize = usualBlockSize.cpu;
const vocabSize = 512;
const kvDemand = 0.7;
const limits = { maxNumBatchedTokens: 512, maxNumSeqs: 32, maxQueuedRequests: 64, maxQueuedTokens: 131_072 };

const numPrefixBlocks = numTenants * Math.ceil(numPrefixTokens / blockSize);
const numLiveBlocks =
  numEngines * (limits.maxNumSeqs / 2) * Math.ceil((medianQuestionTokens + medianOutputTokens) / blockSize);
const numBlocks = Math.ceil((numPrefixBlocks + numLiveBlocks) / kvDemand / numEngines);
const cacheDir = `${root}.sluice/cache`;
if (args.real !== undefined) {
  await showForReal(Number(args.real));
  process.exit(0);
}

const cost = args.cost === undefined ? await measureCost() : readCost(args.cost);
const { stepMs, prefillMsPerToken, decodeMsPerSequence } = cost;
console.log(
  `Virtual time. A step takes ${stepMs.toFixed(2)} ms + ${prefillMsPerToken.toFixed(4)} ms a prompt token + ${decodeMsPerSequence.toFixed(3)} ms a decode.`,
);

const hotRequestMs =
  medianQuestionTokens * 1.2 * prefillMsPerToken + medianOutputTokens * 1.2 * (decodeMsPerSequence + stepMs / 8);
const mostPerSecond = (numEngines * 1e3) / hotRequestMs;
const house: House = { numEngines, numIngresses: 3, numBlocks, blockSize, vocabSize, limits, cost };
const coldMs = numPrefixTokens * prefillMsPerToken;
const objective = { firstTokenMs: 2 * coldMs, betweenTokensMs: 3 * (stepMs + 8 * decodeMsPerSequence) };
console.log(
  `${numEngines} engines of ${numBlocks} blocks of ${blockSize}, ${house.numIngresses} ingresses, ${numTenants} tenants with prefixes of ${numPrefixTokens} tokens; ` +
    `KV demand ${(100 * kvDemand).toFixed(0)} % of all pools, ${((100 * numPrefixBlocks) / numBlocks).toFixed(0)} % of one by prefixes alone. ` +
    `Good is a first token within ${objective.firstTokenMs.toFixed(0)} ms and ${objective.betweenTokensMs.toFixed(1)} ms between tokens.`,
);

const wanted = args.scenarios?.split(",");
for (const scenario of scenarios.filter(({ name }) => wanted?.includes(name) ?? true)) {
  for (const load of scenario.loads) await show(scenario, load * mostPerSecond);
}

async function show({ name, warmUpMs, incidents }: Scenario, requestsPerSecond: number): Promise<void> {
  console.log(`\n${name}, ${requestsPerSecond.toFixed(0)} requests/s, ${args.seconds} s`);
  for (const policy of policies) {
    const counted: Outcome[] = [];
    for (let seed = 1; seed <= numSeeds; seed += 1) {
      const rate = { requestsPerSecond, durationMs, warmUpMs };
      const traffic = makeTraffic({ numTenants, numPrefixTokens, vocabSize, seed, ...rate });
      const untilMs = 2 * (warmUpMs + durationMs);
      const outcomes = await simulate(house, policy, traffic, untilMs, incidents(warmUpMs));
      counted.push(...outcomes.filter(({ arrivedMs }) => arrivedMs >= warmUpMs));
    }
    console.log(describe(policy.name, summarize(counted, numSeeds * durationMs, numEngines, objective)));
  }
}

async function measureCost(): Promise<StepCost> {
  console.log(`Timing the steps of ${basename(args.model)} int8, 1 thread of ${cpus()[0]?.model}.`);
  return measureStepCost({ modelDir: args.model, cacheDir, contextLength: numPrefixTokens });
}

function readCost(text: string): StepCost {
  const [stepMs = NaN, prefillMsPerToken = NaN, decodeMsPerSequence = NaN] = text.split(",").map(Number);
  return { stepMs, prefillMsPerToken, decodeMsPerSequence };
}

async function showForReal(numRequests: number): Promise<void> {
  console.log(
    `${numEngines} engine processes of ${numBlocks} blocks of ${blockSize}, ${basename(args.model)} int8, 1 thread each of ${cpus()[0]?.model}, ` +
      `8 requests at once, ${numTenants} tenants with prefixes of ${numPrefixTokens} tokens.`,
  );
  const requestsPerSecond = 10;
  const traffic = makeTraffic({
    numTenants,
    numPrefixTokens,
    requestsPerSecond,
    warmUpMs: 0,
    durationMs: (1e3 * numRequests) / requestsPerSecond,
    vocabSize,
    seed: 1,
  });
  const real = { modelDir: args.model, cacheDir, numEngines, numBlocks, blockSize, concurrency: 8 };
  for (const { policy, hitRate, cpuMsPerRequest } of await serveForReal(real, traffic)) {
    console.log(`${policy.padEnd(16)} hits ${percent(hitRate)}  ${ms(cpuMsPerRequest)} CPU a request`);
  }
}

function describe(name: string, summary: Summary): string {
  return [
    name.padEnd(13),
    `hits ${percent(summary.hitRate)}`,
    `first token p50 ${ms(summary.firstTokenP50Ms)} p90 ${ms(summary.firstTokenP90Ms)}`,
    `between tokens p90 ${ms(summary.betweenTokensP90Ms)}`,
    `goodput ${summary.goodput.toFixed(1).padStart(5)}/s`,
    `shed ${percent(summary.shedRate)}`,
    `busiest ${summary.imbalance.toFixed(2)}`,
  ].join("  ");
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`.padStart(7);
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`.padStart(10);
}
