// `npm start`: the whole of Sluice on one machine.
import { formatBanner } from "./banner.ts";
import { readStackConfig } from "./config.ts";
import { createProgress } from "./progress.ts";
import { LocalStack } from "./stack.ts";

const [nodeMajor] = process.versions.node.split(".").map(Number);
if (nodeMajor === undefined || nodeMajor < 24) {
  fail(
    new Error(`Node ${process.versions.node} is too old. Use \`npm start\`, which brings Node 24, after \`npm ci\`.`),
  );
}

let stack: LocalStack | undefined;
let stopping: Promise<void> | undefined;

async function stopAndExit(exitCode: number): Promise<void> {
  stopping ??= stack?.stop() ?? Promise.resolve();
  await stopping;
  process.exit(exitCode);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // A terminal tells the whole group, and npm tells it again.
    if (stopping === undefined) process.stderr.write("\nStopping …\n");
    stopAndExit(0).catch(fail);
  });
}
// The children are groups of their own and would outlive a supervisor that just ends.
process.on("uncaughtException", (thrown) => {
  if (stopping === undefined) report(thrown);
  stopAndExit(1).catch(fail);
});

try {
  const config = readStackConfig(process.env);
  stack = new LocalStack(config, createProgress(process.stdout));
  const { baseUrl, apiKey, model } = await stack.start();
  process.stdout.write(formatBanner(baseUrl, apiKey, model));
} catch (error) {
  if (stopping === undefined) {
    report(error);
    await stopAndExit(1);
  }
}

function report(error: unknown): void {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
}

function fail(error: unknown): never {
  report(error);
  process.exit(1);
}
