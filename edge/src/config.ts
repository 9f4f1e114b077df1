// Variables and secrets, parsed at the door. Nothing else reads them.
import { AppError } from "@sluice/shared/errors.ts";
import * as z from "zod/mini";
import type { LifetimePolicy } from "#edge/admin/key-expiry.ts";
import type { FailPolicy } from "#edge/auth/unchecked-admissions.ts";
import type { BatchBounds } from "#edge/batches/batch-bounds.ts";
import type { FileBounds } from "#edge/files/file-bounds.ts";
import type { IdempotencyPolicy } from "#edge/idempotency/idempotent-runs.ts";
import type { QuotaBounds } from "#edge/rate-limit/quota.ts";
import type { StoragePolicy } from "#edge/responses/stored-response.ts";
import { type Region, regionSchema } from "#edge/routing/region.ts";

/** Every wait and size the edge bounds. */
export interface Bounds {
  /** Largest request body, in bytes. It is held in memory until a region answers, so that failover can resend it. */
  readonly maxBodyBytes: number;
  /** Longest time a body may take to arrive. */
  readonly bodyTimeoutMs: number;
  /** Longest wait for a key's gate. */
  readonly admitTimeoutMs: number;
  /** Longest wait of a gate for a ledger above, or for its key's home: shorter than a Worker waits for the gate. */
  readonly ledgerTimeoutMs: number;
  /** Regions asked for one request. */
  readonly maxAttempts: number;
  /** Longest wait for the headers of a stream: a region sends them with its first token or its first ping. */
  readonly streamStartTimeoutMs: number;
  /** Longest life of an answer; for one that is not streamed, its headers come only when it is complete. */
  readonly answerTimeoutMs: number;
  /** Longest wait for a region to say what a request used. */
  readonly receiptTimeoutMs: number;
  /** How long a request that has ended waits for others to be settled with. */
  readonly settleWindowMs: number;
  /** Longest wait of the administration for D1. */
  readonly databaseTimeoutMs: number;
}

/** What is kept of responses. */
interface ResponsePolicy extends StoragePolicy {
  /** Jurisdictions, by the names that regions and keys have for them, in which the platform keeps Durable Objects. */
  readonly jurisdictions: readonly string[];
}

export interface Config {
  readonly regions: readonly Region[];
  readonly keyTagSecret: string;
  readonly passportPrivateJwk: Readonly<Record<string, unknown>>;
  readonly adminKey: string;
  readonly receiptSecret: string;
  /** Origins of pages that may call the API; `*` is all. Empty: none. */
  readonly corsOrigins: readonly string[];
  readonly bounds: Bounds;
  readonly quotaBounds: QuotaBounds;
  /** From a request's beginning until no region has its receipt any more. */
  readonly receiptLifeMs: number;
  readonly failPolicy: FailPolicy;
  readonly keyLifetimes: LifetimePolicy;
  readonly fileBounds: FileBounds;
  /** In which the bucket and the database of files lie, by the name that regions and keys have for it. Absent: unknown. */
  readonly filesJurisdiction: string | undefined;
  readonly batches: BatchBounds;
  readonly responses: ResponsePolicy;
  readonly idempotency: IdempotencyPolicy;
}

const dayMs = 24 * 3600 * 1000;

/** Of the wait for a gate, what it may wait for others itself. */
const ledgerShare = 0.4;

/** From the end of the longest answer until its reservation is given up: time to fetch its receipt and settle. */
const settlementMs = 60_000;

/** Regions keep receipts for 25 minutes from the end (SLUICE_RECEIPT_KEEP_MS), and a few more for clocks and queues. */
const receiptKeepMs = 30 * 60_000;

const secret = z.string({ error: "is missing" }).check(z.minLength(32, { error: "is shorter than 32 characters" }));

const environmentSchema = z.object({
  REGIONS: jsonText(
    z.array(regionSchema).check(
      z.minLength(1, { error: "names no region" }),
      z.refine((regions) => new Set(regions.map((region) => region.id)).size === regions.length, {
        error: "names a region twice",
      }),
    ),
  ),
  KEY_TAG_SECRET: secret,
  PASSPORT_PRIVATE_JWK: jsonText(
    z.looseObject({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string(), d: z.string() }),
  ),
  ADMIN_KEY: secret,
  CORS_ORIGINS: z._default(z.string(), ""),
  MAX_BODY_BYTES: count(4 * 1024 * 1024),
  BODY_TIMEOUT_MS: count(15_000),
  ADMIT_TIMEOUT_MS: count(5_000),
  MAX_ATTEMPTS: count(3),
  STREAM_START_TIMEOUT_MS: count(10_000),
  ANSWER_TIMEOUT_MS: count(600_000),
  RECEIPT_SECRET: secret,
  RECEIPT_TIMEOUT_MS: count(8_000),
  SETTLE_WINDOW_MS: count(10),
  DEFAULT_OUTPUT_TOKENS: count(4_096),
  GATE_FAIL_MODE: z._default(z.enum(["closed", "open"], { error: "is neither closed nor open" }), "closed"),
  GATE_FAIL_OPEN_PER_MINUTE: count(60),
  DATABASE_TIMEOUT_MS: count(10_000),
  MAX_FILE_BYTES: count(200 * 1024 * 1024),
  MAX_STORAGE_BYTES: count(100 * 1024 ** 3),
  UPLOAD_TIMEOUT_MS: count(600_000),
  STORAGE_TIMEOUT_MS: count(30_000),
  FILE_RETENTION_DAYS: count(30),
  FILES_JURISDICTION: z._default(z.string(), ""),
  BATCH_MAX_LINES: count(50_000),
  BATCH_MAX_ACTIVE: count(100),
  BATCH_MAX_PARALLEL_LINES: count(16),
  BATCH_MAX_TRIES: count(5),
  BATCH_MAX_ANSWER_BYTES: count(4 * 1024 * 1024),
  BATCH_MAX_OUTPUT_BYTES: count(4 * 1024 ** 3),
  BATCH_TURN_MS: count(20_000),
  BATCH_RETENTION_DAYS: count(30),
  KEY_DEFAULT_LIFETIME_DAYS: count(90),
  KEY_MAX_LIFETIME_DAYS: count(90),
  KEYS_MAY_NEVER_EXPIRE: z._default(z.stringbool({ error: "is neither true nor false" }), false),
  KEY_EXPIRY_WARNING_DAYS: count(7),
  RESPONSE_RETENTION_DAYS: count(30),
  RESPONSE_MAX_LENGTH: count(8 * 1024 * 1024),
  STATE_JURISDICTIONS: z._default(z.string(), ""),
  IDEMPOTENCY_LEASE_MS: count(30_000),
  IDEMPOTENCY_MAX_WAIT_MS: count(600_000),
  IDEMPOTENCY_MAX_ANSWER_BYTES: count(4 * 1024 * 1024),
});

/**
 * The deployment's configuration. Throws `internal_error` whose detail names every variable that is wrong, and never its
 * value.
 */
export function loadConfig(environment: unknown): Config {
  const parsed = environmentSchema.safeParse(environment);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`);
    throw new AppError("internal_error", { detail: `misconfigured: ${faults.join("; ")}` });
  }
  const values = parsed.data;
  const stateJurisdictions = names(values.STATE_JURISDICTIONS);
  const filesJurisdiction = values.FILES_JURISDICTION === "" ? undefined : values.FILES_JURISDICTION;
  return {
    regions: values.REGIONS,
    keyTagSecret: values.KEY_TAG_SECRET,
    passportPrivateJwk: values.PASSPORT_PRIVATE_JWK,
    adminKey: values.ADMIN_KEY,
    receiptSecret: values.RECEIPT_SECRET,
    corsOrigins: names(values.CORS_ORIGINS),
    bounds: {
      maxBodyBytes: values.MAX_BODY_BYTES,
      bodyTimeoutMs: values.BODY_TIMEOUT_MS,
      admitTimeoutMs: values.ADMIT_TIMEOUT_MS,
      ledgerTimeoutMs: Math.ceil(values.ADMIT_TIMEOUT_MS * ledgerShare),
      maxAttempts: values.MAX_ATTEMPTS,
      streamStartTimeoutMs: values.STREAM_START_TIMEOUT_MS,
      answerTimeoutMs: values.ANSWER_TIMEOUT_MS,
      receiptTimeoutMs: values.RECEIPT_TIMEOUT_MS,
      settleWindowMs: values.SETTLE_WINDOW_MS,
      databaseTimeoutMs: values.DATABASE_TIMEOUT_MS,
    },
    quotaBounds: {
      leaseMs: values.ANSWER_TIMEOUT_MS + settlementMs,
      defaultOutputTokens: values.DEFAULT_OUTPUT_TOKENS,
    },
    receiptLifeMs: values.ANSWER_TIMEOUT_MS + receiptKeepMs,
    failPolicy: { mode: values.GATE_FAIL_MODE, maxUncheckedPerMinute: values.GATE_FAIL_OPEN_PER_MINUTE },
    fileBounds: {
      maxFileBytes: values.MAX_FILE_BYTES,
      maxStorageBytes: values.MAX_STORAGE_BYTES,
      uploadTimeoutMs: values.UPLOAD_TIMEOUT_MS,
      storageTimeoutMs: values.STORAGE_TIMEOUT_MS,
      retentionMs: values.FILE_RETENTION_DAYS * dayMs,
    },
    filesJurisdiction,
    batches: {
      maxLines: values.BATCH_MAX_LINES,
      maxActive: values.BATCH_MAX_ACTIVE,
      maxParallelLines: values.BATCH_MAX_PARALLEL_LINES,
      maxTries: values.BATCH_MAX_TRIES,
      maxAnswerBytes: values.BATCH_MAX_ANSWER_BYTES,
      maxOutputBytes: values.BATCH_MAX_OUTPUT_BYTES,
      turnMs: values.BATCH_TURN_MS,
      retentionMs: values.BATCH_RETENTION_DAYS * dayMs,
      jurisdiction: stateJurisdictions.find((name) => name === filesJurisdiction),
    },
    keyLifetimes: {
      defaultMs: Math.min(values.KEY_DEFAULT_LIFETIME_DAYS, values.KEY_MAX_LIFETIME_DAYS) * dayMs,
      maxMs: values.KEY_MAX_LIFETIME_DAYS * dayMs,
      mayNeverExpire: values.KEYS_MAY_NEVER_EXPIRE,
      warningMs: values.KEY_EXPIRY_WARNING_DAYS * dayMs,
    },
    responses: {
      retentionMs: values.RESPONSE_RETENTION_DAYS * dayMs,
      maxLength: values.RESPONSE_MAX_LENGTH,
      jurisdictions: stateJurisdictions,
    },
    idempotency: {
      leaseMs: values.IDEMPOTENCY_LEASE_MS,
      maxWaitMs: values.IDEMPOTENCY_MAX_WAIT_MS,
      maxAnswerBytes: values.IDEMPOTENCY_MAX_ANSWER_BYTES,
      timeoutMs: values.ADMIT_TIMEOUT_MS,
    },
  };
}

/** A variable that holds a list, with commas between. */
function names(text: string): string[] {
  const trimmed = text.split(",").map((name) => name.trim());
  return trimmed.filter((name) => name !== "");
}

/** A variable that holds JSON of the given shape. */
function jsonText<Shape extends z.ZodMiniType>(shape: Shape) {
  const parsedJson = z.transform((text: string, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.issues.push({ code: "custom", message: "is not JSON", input: undefined });
      return z.NEVER;
    }
  });
  return z.pipe(z.pipe(z.string({ error: "is missing" }), parsedJson), shape);
}

/** A positive whole number; env files give it as text. */
function count(fallback: number) {
  const positive = z.coerce
    .number()
    .check(z.int({ error: "is not a whole number" }), z.positive({ error: "is not positive" }));
  return z._default(positive, fallback);
}
