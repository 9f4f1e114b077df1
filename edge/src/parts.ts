// The long-lived objects of an isolate. Built once; requests share them, so none may hold on to a request's I/O.
import { importReceiptKey } from "@sluice/shared/receipt.ts";
import { importPassportKey, type PassportKey } from "@sluice/shared/passport.ts";
import { AdminKeyDirectory } from "#edge/admin/admin-key-directory.ts";
import { AuditLog } from "#edge/admin/audit-log.ts";
import { Database } from "#edge/admin/database.ts";
import { DenialAudit } from "#edge/admin/denial-audit.ts";
import { KeyDirectory } from "#edge/admin/key-directory.ts";
import { Keyring } from "#edge/admin/keyring.ts";
import { ProjectDirectory } from "#edge/admin/project-directory.ts";
import { ServiceAccountDirectory } from "#edge/admin/service-account-directory.ts";
import { UsageReport } from "#edge/admin/usage-report.ts";
import { IssuerView } from "#edge/auth/jwt/issuer-view.ts";
import { TokenVerifier } from "#edge/auth/jwt/verify-token.ts";
import { OwnTokens } from "#edge/auth/own-token/own-tokens.ts";
import { deriveTokenKey } from "#edge/auth/own-token/token-key.ts";
import { KeyGates } from "#edge/auth/key-gates.ts";
import { KeyTagger } from "#edge/auth/key-tag.ts";
import { UncheckedAdmissions } from "#edge/auth/unchecked-admissions.ts";
import { BatchDirectory } from "#edge/batches/batch-directory.ts";
import { BatchRunners } from "#edge/batches/batch-runners.ts";
import type { Bindings } from "#edge/bindings.ts";
import type { Clock } from "#edge/clock.ts";
import { type Config, loadConfig } from "#edge/config.ts";
import { type Entropy, systemEntropy } from "#edge/entropy.ts";
import { FileDirectory } from "#edge/files/file-directory.ts";
import { FileStore } from "#edge/files/file-store.ts";
import { ObjectStore } from "#edge/files/object-store.ts";
import { FileSweeps } from "#edge/files/file-sweeps.ts";
import { IdempotentRuns } from "#edge/idempotency/idempotent-runs.ts";
import { Settler } from "#edge/ledger/settler.ts";
import { UsageLedger } from "#edge/ledger/usage-ledger.ts";
import { UsageOutbox } from "#edge/ledger/usage-outbox.ts";
import { jsonLogger, type Logger } from "#edge/logger.ts";
import type { ReceiptFetcher } from "#edge/proxy/fetch-receipts.ts";
import { RetryBudget } from "#edge/proxy/retry-budget.ts";
import { NetworkView } from "#edge/networks/network-view.ts";
import type { LimitLedger } from "#edge/rate-limit/limit-ledger.ts";
import { ResponseKeeper } from "#edge/responses/response-keeper.ts";
import { ResponseStores } from "#edge/responses/response-stores.ts";
import { RegionView } from "#edge/routing/region-view.ts";
import { RegionExperience } from "#edge/routing/region-experience.ts";

export interface Parts {
  readonly config: Config;
  readonly tagger: KeyTagger;
  readonly ownTokens: OwnTokens;
  readonly issuers: IssuerView;
  readonly verifier: TokenVerifier;
  readonly gates: KeyGates;
  readonly networks: NetworkView;
  readonly directory: KeyDirectory;
  readonly ledgers: DurableObjectNamespace<LimitLedger>;
  readonly unchecked: UncheckedAdmissions;
  readonly keyring: Keyring;
  readonly audit: AuditLog;
  readonly denials: DenialAudit;
  readonly projects: ProjectDirectory;
  readonly accounts: ServiceAccountDirectory;
  readonly adminKeys: AdminKeyDirectory;
  readonly usageReport: UsageReport;
  readonly passportKey: PassportKey;
  readonly receipts: ReceiptFetcher;
  readonly settler: Settler;
  readonly usageOutbox: UsageOutbox;
  readonly usageLedger: UsageLedger;
  readonly regionView: RegionView;
  readonly experience: RegionExperience;
  readonly retryBudget: RetryBudget;
  readonly idempotentRuns: IdempotentRuns;
  readonly files: FileStore;
  readonly sweeps: FileSweeps;
  readonly batchDirectory: BatchDirectory;
  readonly batchRunners: BatchRunners;
  readonly responseStores: ResponseStores;
  readonly responseKeeper: ResponseKeeper;
  readonly floodShield: RateLimit;
  readonly log: Logger;
  readonly now: Clock;
  readonly entropy: Entropy;
}

/** Throws `internal_error` when the deployment is misconfigured. */
export async function buildParts(bindings: Bindings): Promise<Parts> {
  const config = loadConfig(bindings);
  const log = jsonLogger;
  const now = Date.now;
  const entropy = systemEntropy;
  const tagger = await KeyTagger.fromSecret(config.keyTagSecret);
  const issuers = new IssuerView(bindings.ISSUER_BOARD, now);
  const networks = new NetworkView(bindings.NETWORK_BOARD, config.bounds.admitTimeoutMs, now);
  const gates = new KeyGates(
    { homes: bindings.KEY_GATE, continents: bindings.CONTINENT_GATE, networks },
    config.bounds.admitTimeoutMs,
  );
  const passportKey = await importPassportKey(config.passportPrivateJwk);
  const receipts: ReceiptFetcher = {
    passportKey,
    receiptKey: await importReceiptKey(config.receiptSecret),
    timeoutMs: config.bounds.receiptTimeoutMs,
    now,
  };
  const outbox = new UsageOutbox(bindings.USAGE_QUEUE, log);
  const { settleWindowMs: windowMs } = config.bounds;
  const database = new Database(bindings.DB, config.bounds.databaseTimeoutMs);
  const directory = new KeyDirectory(database);
  const audit = new AuditLog(database, entropy, now);
  const responseStores = new ResponseStores(bindings.RESPONSE_STORE, {
    jurisdictions: config.responses.jurisdictions,
    timeoutMs: config.bounds.admitTimeoutMs,
  });
  return {
    config,
    tagger,
    ownTokens: new OwnTokens(await deriveTokenKey(config.keyTagSecret), now, entropy),
    issuers,
    verifier: new TokenVerifier(issuers, now),
    gates,
    networks,
    directory,
    ledgers: bindings.LIMIT_LEDGER,
    unchecked: new UncheckedAdmissions(config.failPolicy, now),
    keyring: new Keyring({ gates, directory, audit, tagger, lifetimes: config.keyLifetimes, entropy, now }),
    audit,
    denials: new DenialAudit({ audit, directory, log, now }),
    projects: new ProjectDirectory(database),
    accounts: new ServiceAccountDirectory(database),
    adminKeys: new AdminKeyDirectory(database),
    usageReport: new UsageReport(database),
    passportKey,
    receipts,
    settler: new Settler({ gates, fetcher: receipts, outbox, windowMs, log, now }),
    usageOutbox: outbox,
    usageLedger: new UsageLedger(bindings.DB),
    regionView: new RegionView(bindings.REGION_BOARD, now, log),
    experience: new RegionExperience(now),
    retryBudget: new RetryBudget(now),
    idempotentRuns: new IdempotentRuns(bindings.IDEMPOTENCY_STORE, config.idempotency, now),
    files: new FileStore(
      new ObjectStore(bindings.FILES, config.fileBounds.storageTimeoutMs),
      new FileDirectory(database),
      now,
    ),
    sweeps: new FileSweeps(bindings.FILE_SWEEPER, config.bounds.admitTimeoutMs),
    batchDirectory: new BatchDirectory(database),
    batchRunners: new BatchRunners(bindings.BATCH_RUNNER, {
      jurisdiction: config.batches.jurisdiction,
      timeoutMs: config.bounds.databaseTimeoutMs,
    }),
    responseStores,
    responseKeeper: new ResponseKeeper({ stores: responseStores, policy: config.responses, log }),
    floodShield: bindings.FLOOD_SHIELD,
    log,
    now,
    entropy,
  };
}
