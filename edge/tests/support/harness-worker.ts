// In this process, up in a second, with its bindings in reach. Its requests to regions pass through Node's fetch, which
// hides broken and abandoned connections: use dev-worker.ts where those matter.
import { resolve } from "node:path";
import { createTestHarness, type WorkerHandle } from "wrangler";
import type { Environment, RunningWorker } from "./worker.ts";

/** The Worker's own D1, past the Worker. */
interface Database {
  prepare(sql: string): {
    run(): Promise<unknown>;
    all(): Promise<{ readonly results: readonly unknown[] }>;
  };
}

/** The Worker's own R2, past the Worker. */
interface Bucket {
  list(): Promise<{ readonly objects: readonly { readonly key: string; readonly size: number }[] }>;
}

export interface HarnessWorker extends RunningWorker {
  readonly handle: WorkerHandle;
  database(): Promise<Database>;
  bucket(): Promise<Bucket>;
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
    database: async () => ((await handle.getEnv()) as { DB: Database }).DB,
    bucket: async () => ((await handle.getEnv()) as { FILES: Bucket }).FILES,
    logs: () => harness.getLogs().map(({ message }) => message),
    stop: async () => harness.close(),
  };
}
