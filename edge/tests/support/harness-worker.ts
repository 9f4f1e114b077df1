// In this process, up in a second, with its bindings in reach. Its requests to regions pass through Node's fetch, which
// hides broken and abandoned connections: use dev-worker.ts where those matter.
import { resolve } from "node:path";
import { createTestHarness, type WorkerHandle } from "wrangler";
import type { Environment, RunningWorker } from "./worker.ts";

export interface HarnessWorker extends RunningWorker {
  readonly handle: WorkerHandle;
}

export async function startHarnessWorker(environment: Environment): Promise<HarnessWorker> {
  const harness = createTestHarness({
    root: resolve(import.meta.dirname, "../../.."),
    workers: [{ configPath: "wrangler.toml", secrets: { ...environment } }],
  });
  const { url } = await harness.listen();
  const handle = harness.getWorker();
  await handle.applyD1Migrations("DB");
  return {
    url: url.origin,
    handle,
    logs: () => harness.getLogs().map(({ message }) => message),
    stop: async () => harness.close(),
  };
}
