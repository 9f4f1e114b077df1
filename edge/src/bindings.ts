// What the platform hands the Worker, as wrangler.toml binds it. Variables and secrets are read by config.ts alone.
import type { BatchRunner } from "#edge/batches/batch-runner.ts";
import type { BatchTurn } from "#edge/batches/batch-turn.ts";
import type { IssuerBoard } from "#edge/auth/jwt/issuer-board.ts";
import type { ContinentGate } from "#edge/auth/leased/continent-gate.ts";
import type { KeyGate } from "#edge/auth/key-gate.ts";
import type { LimitLedger } from "#edge/rate-limit/limit-ledger.ts";
import type { IdempotencyStore } from "#edge/idempotency/idempotency-store.ts";
import type { FileSweeper } from "#edge/files/file-sweeper.ts";
import type { NetworkBoard } from "#edge/networks/network-board.ts";
import type { UsageEntry } from "#edge/ledger/usage-entry.ts";
import type { ResponseStore } from "#edge/responses/response-store.ts";
import type { RegionBoard } from "#edge/routing/region-board.ts";

export interface Bindings {
  readonly DB: D1Database;
  readonly LIMIT_LEDGER: DurableObjectNamespace<LimitLedger>;
  readonly KEY_GATE: DurableObjectNamespace<KeyGate>;
  readonly CONTINENT_GATE: DurableObjectNamespace<ContinentGate>;
  readonly USAGE_QUEUE: Queue<UsageEntry>;
  readonly FLOOD_SHIELD: RateLimit;
  readonly IDEMPOTENCY_STORE: DurableObjectNamespace<IdempotencyStore>;
  readonly RESPONSE_STORE: DurableObjectNamespace<ResponseStore>;
  readonly ISSUER_BOARD: DurableObjectNamespace<IssuerBoard>;
  readonly NETWORK_BOARD: DurableObjectNamespace<NetworkBoard>;
  readonly REGION_BOARD: DurableObjectNamespace<RegionBoard>;
  readonly FILES: R2Bucket;
  readonly BATCH_RUNNER: DurableObjectNamespace<BatchRunner>;
  readonly BATCH_QUEUE: Queue<BatchTurn>;
  readonly FILE_SWEEPER: DurableObjectNamespace<FileSweeper>;
}
