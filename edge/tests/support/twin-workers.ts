// Two edge Workers over the same gates, as two deployments or two locations would be: the second has the first's Durable
// Objects bound by script name.
import { resolve } from "node:path";
import { createTestHarness, type WorkerHandle } from "wrangler";
import type { Environment, RunningWorker } from "./worker.ts";

const root = resolve(import.meta.dirname, "../../..");
const [firstName, secondName] = ["sluice-edge", "sluice-edge-twin"];

export interface TwinWorkers extends RunningWorker {
  /** Reached in process, without a socket. */
  readonly twin: WorkerHandle;
}

export async function startTwinWorkers(environment: Environment): Promise<TwinWorkers> {
  const gates = (name: string, className: string) => ({ name, class_name: className, script_name: firstName });
  const harness = createTestHarness({
    root,
    workers: [
      { configPath: "wrangler.toml", secrets: { ...environment } },
      {
        config: {
          name: secondName,
          main: resolve(root, "edge/src/worker.ts"),
          compatibility_date: "2026-11-02",
          compatibility_flags: ["enable_request_signal"],
          vars: { ...environment },
          d1_databases: [{ binding: "DB", database_name: "sluice-twin", database_id: "twin" }],
          r2_buckets: [{ binding: "FILES", bucket_name: "sluice-files-twin" }],
          ratelimits: [{ name: "FLOOD_SHIELD", namespace_id: "1001", simple: { limit: 5_000, period: 10 } }],
          queues: {
            producers: [
              { binding: "USAGE_QUEUE", queue: "sluice-usage" },
              { binding: "BATCH_QUEUE", queue: "sluice-batches" },
            ],
          },
          durable_objects: {
            bindings: [
              gates("KEY_GATE", "KeyGate"),
              gates("IDEMPOTENCY_STORE", "IdempotencyStore"),
              gates("RESPONSE_STORE", "ResponseStore"),
              gates("CONTINENT_GATE", "ContinentGate"),
              gates("ISSUER_BOARD", "IssuerBoard"),
              gates("NETWORK_BOARD", "NetworkBoard"),
              gates("REGION_BOARD", "RegionBoard"),
              gates("LIMIT_LEDGER", "LimitLedger"),
              gates("FILE_SWEEPER", "FileSweeper"),
              gates("BATCH_RUNNER", "BatchRunner"),
            ],
          },
        },
      },
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
