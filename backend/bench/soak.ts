// Ten minutes of everything at once (soak/run-soak.ts). Exits 1 when a block was lost, an answer was wrong, or memory grew.
//
//   npm run soak -- [--seconds 600] [--rounds 10] [--plans 200] [--seed 1]
import { parseArgs } from "node:util";
import { growthOf, type MemoryReading } from "./soak/memory.ts";
import { runSoak } from "./soak/run-soak.ts";

const mebibyte = 2 ** 20;
/** What a process may seem to grow by without a leak: of the resident set, allocators keep what was freed. */
const mostGrowth: MemoryReading = {
  rss: 32 * mebibyte,
  mainHeap: 4 * mebibyte,
  engineHeap: 4 * mebibyte,
  external: 8 * mebibyte,
};
/**
 * Which part of the rounds is for warming up: code is compiled, and the arena of the native runs (native-session.ts), which keeps
 * the most that any run has taken, has yet to meet the largest of random steps.
 */
const warmUpPart = 0.5;

const { values: args } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    rounds: { type: "string", default: "10" },
    plans: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
  },
});

const result = await runSoak({
  seed: Number(args.seed),
  durationMs: 1000 * Number(args.seconds),
  numRounds: Number(args.rounds),
  numPlans: Number(args.plans),
  log: print,
});

const warm = result.memory.slice(Math.floor(warmUpPart * result.memory.length));
const grown = (["rss", "mainHeap", "engineHeap", "external"] as const).map((part) => {
  const readings = warm.map((reading) => reading[part]);
  return { part, last: readings.at(-1) ?? 0, growth: growthOf(readings), most: mostGrowth[part] };
});
const requests = [...result.numEnded].map(([how, count]) => `${count} ${how}`).join(", ");
print(
  `requests: ${requests}; ${result.numChoices} choices asked for, ${result.numGenerated} tokens, ${result.numPreempted} preempted`,
);
for (const { part, last, growth } of grown) {
  print(`${part}: ${inMiB(last)} MiB at the end, ${inMiB(growth)} MiB of growth over the last ${warm.length} rounds`);
}
for (const each of result.wrong.slice(0, 5)) print(`wrong: ${each}`);
const leaks = grown.filter(({ growth, most }) => growth > most);
const isWell = result.wrong.length === 0 && leaks.length === 0 && result.numPreempted > 0;
print(
  isWell
    ? "every block free, every answer as alone, memory flat"
    : `failed: ${result.wrong.length} wrong, grown: ${leaks.map(({ part }) => part).join(", ") || "nothing"}`,
);
process.exitCode = isWell ? 0 : 1;

function inMiB(bytes: number): string {
  return (bytes / mebibyte).toFixed(1);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
