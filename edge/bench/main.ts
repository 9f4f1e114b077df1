// What the edge costs: the Worker as it would be deployed, under `workerd serve`, against a bare Hono proxy in the same runtime,
// the least proxy that counts what is used, Portkey on Node, and nothing at all, in the same run. Rounds are interleaved, so that a slow spell of the machine falls on all.
//
//   npm run bench:edge -- [--rounds 3] [--seconds 4] [--cases 'stream c32,burst c32'] [--no-portkey] [--parts | --only-parts]
//
// Needs Linux (/proc). Processor time is the gateway's own: caller and region are processes of their own.
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { costParts } from "./cost-parts.ts";
import { mintBenchKey } from "./deployment.ts";
import type { Gateway } from "./gateways/gateway.ts";
import { startPortkey } from "./gateways/portkey.ts";
import { startRegion } from "./gateways/region.ts";
import { startEdge, startFloor } from "./gateways/workerd.ts";
import { standIns } from "./gateways/workerd-config.ts";
import { measure, measureLeaving, type Leaving } from "./measure.ts";
import { casesTable, leavingTable, partsTable } from "./report/tables.ts";
import { judge } from "./report/targets.ts";
import { Results } from "./report/results.ts";
import { loadCases, partsCase } from "./scenario.ts";

const { values: args } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    cases: { type: "string" },
    "no-portkey": { type: "boolean", default: false },
    parts: { type: "boolean", default: false },
    "only-parts": { type: "boolean", default: false },
  },
});
const numRounds = Number(args.rounds);
const durationMs = 1e3 * Number(args.seconds);
const wanted = args.cases?.split(",");
const cases = loadCases.filter(({ name }) => wanted === undefined || wanted.includes(name));
const warmUpMs = 1_500;
const noticeMs = 1_000;
const packageDir = resolve(import.meta.dirname, "../../.sluice/bench/portkey");

const folder = await mkdtemp(join(tmpdir(), "sluice-bench-edge-"));
const region = await startRegion();
const started: Gateway[] = [];
try {
  const key = await mintBenchKey();
  const floor = await start(startFloor("floor", join(folder, "floor"), region.url));
  const edgeIn = (name: string) => ({
    name,
    folder: join(folder, name.replaceAll(/\W+/g, "-")),
    regionUrl: region.url,
    key,
  });
  const edge = await start(startEdge(edgeIn("sluice")));
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${numRounds} rounds of ${durationMs / 1e3} s, medians.\n` +
      `Stand-ins:\n${standIns.map((line) => `- ${line}`).join("\n")}\n`,
  );
  if (!args["only-parts"]) await compare(floor, edge);
  if (args.parts || args["only-parts"]) await splitCost(floor, edge, edgeIn);
} finally {
  await Promise.all(started.map(async (gateway) => gateway.stop()));
  region.stop();
  await rm(folder, { recursive: true, force: true });
}

async function start(starting: Promise<Gateway>): Promise<Gateway> {
  const gateway = await starting;
  started.push(gateway);
  return gateway;
}

async function compare(floor: Gateway, edge: Gateway): Promise<void> {
  const direct: Gateway = {
    name: "direct",
    url: `${region.url}/v1/chat/completions`,
    headers: {},
    pid: undefined,
    stop: async () => undefined,
  };
  const metered = await start(startFloor("metered floor", join(folder, "metered-floor"), region.url));
  const gateways = [direct, floor, metered, edge, ...(await portkey())];
  const results = new Results();
  await inTurns(gateways, async (gateway, round) => {
    for (const loadCase of cases) {
      try {
        if (round === 0) await measure(gateway, loadCase, warmUpMs);
        results.add(gateway.name, loadCase.name, await measure(gateway, loadCase, durationMs));
      } catch (thrown) {
        // What others cannot answer is no reason to say nothing of ours.
        if (gateway === edge || gateway === floor || gateway === metered) throw thrown;
        console.log(`Not measured: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      }
    }
  });
  const leavings = new Map<string, Leaving>();
  for (const gateway of gateways) {
    leavings.set(gateway.name, await measureLeaving(gateway, region, durationMs, noticeMs));
  }
  for (const { name } of cases) console.log(casesTable(name, results));
  console.log(leavingTable(leavings));
  for (const { name, target, measured, isMet } of judge(results, leavings)) {
    console.log(`${isMet ? "met   " : "MISSED"}  ${name}: ${measured} (${target})`);
  }
}

async function portkey(): Promise<readonly Gateway[]> {
  if (args["no-portkey"]) return [];
  try {
    return [await start(startPortkey(packageDir, region.url))];
  } catch (thrown) {
    console.log(`Portkey is left out: ${thrown instanceof Error ? thrown.message.split("\n")[0] : String(thrown)}\n`);
    return [];
  }
}

type EdgeIn = (name: string) => Omit<Parameters<typeof startEdge>[0], "aliases">;

async function splitCost(floor: Gateway, edge: Gateway, edgeIn: EdgeIn): Promise<void> {
  const variants: Gateway[] = [];
  for (const { name, aliases } of costParts) {
    variants.push(await start(startEdge({ ...edgeIn(`without ${name}`), aliases })));
  }
  const results = new Results();
  await inTurns([floor, edge, ...variants], async (gateway, round) => {
    if (round === 0) await measure(gateway, partsCase, warmUpMs);
    results.add(gateway.name, partsCase.name, await measure(gateway, partsCase, durationMs));
  });
  console.log(
    partsTable(
      results,
      partsCase.name,
      costParts.map(({ name }) => name),
    ),
  );
}

/** Each round begins with another gateway. */
async function inTurns(gateways: readonly Gateway[], run: (gateway: Gateway, round: number) => Promise<void>) {
  for (let round = 0; round < numRounds; round += 1) {
    const first = round % gateways.length;
    for (const gateway of [...gateways.slice(first), ...gateways.slice(0, first)]) await run(gateway, round);
  }
}
