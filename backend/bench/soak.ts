// Ten minutes of everything at once (soak/run-soak.ts). Exits 1 when a block was lost, an answer was wrong, or memory grew.
//
//   npm run soak -- [--seconds 600] [--rounds 12] [--plans 200] [--seed 1]
import { parseArgs } from "node:util";
import { growthOf, type MemoryReading } from "./soak/memory.ts";
import { runSoak } from "./soak/run-soak.ts";
import { soakKinds } from "./soak/soak-kinds.ts";

const mebibyte = 2 ** 20;
/**
 * What memory may seem to grow by without a leak, from the end of the warm-up to the end. Heaps are read after a collection and hold
 * still to within some hundred KiB: 2 MiB over ten minutes are less than half a KiB a request. Buffers wait for a second collection, and
 * of the resident set malloc's arenas give back and take again a few MiB from one round to the next.
 */
const mostGrowth: MemoryReading = {
  rss: 12 * mebibyte,
  mainHeap: 2 * mebibyte,
  engineHeap: 2 * mebibyte,
  external: 4 * mebibyte,
};
/**
 * Which part of the requests is for warming up, however long they take on a machine that is busy with other things: code is compiled,
 * young generations come to their size (docs/operations.md, "Memory"), and the arena of the native runs, which keeps the most that
 * any run has taken (native-session.ts), meets the largest of random steps.
 * Caches of ours need none: pool and grammar cache are so small that they are full within seconds.
 */
const warmUpPart = 1 / 3;

const { values: args } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    rounds: { type: "string", default: "12" },
    plans: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
  },
});

// Without a handler a signal would leave the engine's process behind.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const result = await runSoak({
  seed: Number(args.seed),
  durationMs: 1000 * Number(args.seconds),
  numRounds: Number(args.rounds),
  numPlans: Number(args.plans),
  log: print,
});

const numAsked = result.rounds.at(-1)?.numAsked ?? 0;
const warm = result.rounds.filter((round) => round.numAsked >= warmUpPart * numAsked);
const grown = (["rss", "mainHeap", "engineHeap", "external"] as const).map((part) => {
  const readings = warm.map(({ memory }) => memory[part]);
  return { part, last: readings.at(-1) ?? 0, growth: growthOf(readings), most: mostGrowth[part] };
});
const requests = [...result.numEnded].map(([how, count]) => `${count} ${how}`).join(", ");
print(
  `requests: ${requests}; ${result.numChoices} choices asked for, ${result.numGenerated} tokens, ${result.numPreempted} preempted`,
);
const kinds = [...result.numWhole].map(([kind, count]) => `${count} ${kind}`).join(", ");
print(`whole answers, each the one computed alone: ${kinds}`);
for (const { part, last, growth } of grown) {
  print(
    `${part}: ${inMiB(last)} MiB at the end, ${inMiB(growth)} MiB of growth over the last ${warm.length} rounds (${numAsked - (warm[0]?.numAsked ?? 0)} requests)`,
  );
}
for (const each of result.wrong.slice(0, 5)) print(`wrong: ${each}`);
const leaks = grown.filter(({ growth, most }) => growth > most);
const missing = soakKinds.filter((kind) => !result.numWhole.has(kind));
const isWell = result.wrong.length === 0 && leaks.length === 0 && result.numPreempted > 0 && missing.length === 0;
print(
  isWell
    ? "every block free, every answer as alone, memory flat"
    : `failed: ${result.wrong.length} wrong, grown: ${leaks.map(({ part }) => part).join(", ") || "nothing"}, never whole: ${missing.join(", ") || "nothing"}`,
);
process.exitCode = isWell ? 0 : 1;

function inMiB(bytes: number): string {
  return (bytes / mebibyte).toFixed(1);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
