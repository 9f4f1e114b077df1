// Two edge Workers over the same gates, in this process. The second is reached without a socket, and what is between them and
// their regions hides abandoned connections: use dev-twins.ts where those matter.
import { resolve } from "node:path";
import { createTestHarness, type WorkerHandle } from "wrangler";
import { firstName, secondName, secondConfig } from "./twin-config.ts";
import type { Environment, RunningWorker } from "./worker.ts";

const root = resolve(import.meta.dirname, "../../..");

export interface TwinWorkers extends RunningWorker {
  readonly twin: WorkerHandle;
}

export async function startTwinWorkers(environment: Environment): Promise<TwinWorkers> {
  const harness = createTestHarness({
    root,
    workers: [
      { configPath: "wrangler.toml", secrets: { ...environment } },
      { config: secondConfig(root, environment) },
    ],
  });
  const { url } = await harness.listen();
  await harness.getWorker(firstName).applyD1Migrations("DB");
  return {
    url: url.origin,
    twin: harness.getWorker(secondName),
    logs: () => harness.getLogs().map(({ message }) => message),
    stop: async () => harness.close(),
  };
}
