// What the environment may say about an ingress.
import path from "node:path";
import type { JWK } from "jose";
import * as z from "zod";
import { type EngineSource, parseEngineSource } from "./engines/engine-source.ts";
import type { BodyLimits } from "./http/read-body.ts";
import type { InFlightLimits } from "./in-flight.ts";
import type { ReceiptBookLimits } from "./receipts/receipt-book.ts";
import type { OutputFormats } from "./text/served-model.ts";

/** A whole number from `least` up, written in decimal. */
function count(least: number) {
  return z.string().regex(/^\d+$/, "must be a whole number").transform(Number).pipe(z.int().min(least));
}

const port = count(0).pipe(z.int().max(65_535));
/** setTimeout takes no longer delay. */
const milliseconds = count(1).pipe(z.int().max(2 ** 31 - 1));

const engineForms = "must be a comma-separated list of host:port or dns:name:port";
const engines = z
  .string(engineForms)
  .transform((list) => list.split(",").map((entry) => entry.trim()))
  .refine((entries) => new Set(entries).size === entries.length, "names an engine twice")
  .transform((entries, context): EngineSource[] => {
    const sources = entries.map(parseEngineSource).filter((source) => source !== undefined);
    if (sources.length === entries.length) return sources;
    context.addIssue(engineForms);
    return z.NEVER;
  });

/** A private key here would be one more place to lose it from. */
const isPublicEd25519 = (jwk: unknown): jwk is JWK =>
  typeof jwk === "object" && jwk !== null && "crv" in jwk && jwk.crv === "Ed25519" && "x" in jwk && !("d" in jwk);

const ed25519Jwk = z.string("must be an Ed25519 public JWK").transform((text, context): JWK => {
  try {
    const jwk: unknown = JSON.parse(text);
    if (isPublicEd25519(jwk)) return jwk;
  } catch {
    // Not JSON: the same issue as any other wrong value.
  }
  context.addIssue("must be an Ed25519 public JWK, without its private part");
  return z.NEVER;
});

const environmentSchema = z.object({
  SLUICE_INGRESS_HOST: z.string().min(1).default("127.0.0.1"),
  SLUICE_INGRESS_PORT: port.default(8080),
  SLUICE_METRICS_HOST: z.string().min(1).default("127.0.0.1"),
  SLUICE_METRICS_PORT: port.default(0),
  SLUICE_REGION: z.string("must name the region").min(1),
  /** Where the engines are: `host:port`, or `dns:name:port` for every address that the name has at the moment. */
  SLUICE_ENGINES: engines,
  /** How often those names are looked up. */
  SLUICE_DNS_INTERVAL_MS: milliseconds.default(5_000),
  /** How many of each engine's cached blocks are remembered; 0 routes without prefixes. */
  SLUICE_MAX_KNOWN_BLOCKS: count(0).default(131_072),
  SLUICE_MODEL_DIR: z.string("must name a model directory").min(1),
  SLUICE_MODEL_ID: z.string().min(1).optional(),
  /** How calls and thoughts are told from text; `auto` is as the model's chat template shows them. */
  SLUICE_TOOL_CALL_PARSER: z.enum(["auto", "none", "hermes", "llama3_json", "mistral"]).default("auto"),
  SLUICE_REASONING_PARSER: z.enum(["auto", "none", "think", "think_brackets"]).default("auto"),
  SLUICE_PASSPORT_PUBLIC_JWK: ed25519Jwk,
  SLUICE_RECEIPT_SECRET: z.string("must be the secret of the edge's receipts").min(32, "is shorter than 32 characters"),
  SLUICE_RECEIPT_KEEP_MS: milliseconds.default(1_500_000),
  SLUICE_RECEIPT_WAIT_MS: milliseconds.default(5_000),
  SLUICE_MAX_RECEIPTS: count(1).default(65_536),
  SLUICE_MAX_BODY_BYTES: count(1).default(4 * 1024 * 1024),
  SLUICE_BODY_TIMEOUT_MS: milliseconds.default(15_000),
  SLUICE_MAX_CONCURRENT_REQUESTS: count(1).default(1024),
  SLUICE_REQUEST_TIMEOUT_MS: milliseconds.default(300_000),
  SLUICE_DRAIN_GRACE_MS: milliseconds.default(25_000),
  SLUICE_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
});

export interface IngressConfig {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** 0 is off. */
  readonly metricsPort: number;
  readonly metricsHost: string;
  readonly region: string;
  readonly engineSources: readonly EngineSource[];
  readonly dnsIntervalMs: number;
  readonly maxKnownBlocks: number;
  readonly modelDir: string;
  readonly modelId: string;
  readonly outputFormats: OutputFormats;
  readonly passportPublicJwk: JWK;
  readonly receiptSecret: string;
  readonly receiptLimits: ReceiptBookLimits;
  readonly bodyLimits: BodyLimits;
  readonly inFlightLimits: InFlightLimits;
  /** How long running answers may take to finish after a signal to stop. */
  readonly drainGraceMs: number;
  readonly logLevel: string;
}

/**
 * An empty variable counts as absent. Throws an Error with one line a variable when a value is not usable; the values
 * themselves are not repeated.
 */
export function readIngressConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): IngressConfig {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const parsed = environmentSchema.safeParse(present);
  if (!parsed.success) {
    throw new Error(parsed.error.issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`).join("\n"));
  }
  const env = parsed.data;
  return {
    host: env.SLUICE_INGRESS_HOST,
    port: env.SLUICE_INGRESS_PORT,
    metricsHost: env.SLUICE_METRICS_HOST,
    metricsPort: env.SLUICE_METRICS_PORT,
    region: env.SLUICE_REGION,
    engineSources: env.SLUICE_ENGINES,
    dnsIntervalMs: env.SLUICE_DNS_INTERVAL_MS,
    maxKnownBlocks: env.SLUICE_MAX_KNOWN_BLOCKS,
    modelDir: env.SLUICE_MODEL_DIR,
    modelId: env.SLUICE_MODEL_ID ?? path.basename(path.resolve(env.SLUICE_MODEL_DIR)),
    outputFormats: { toolCalls: env.SLUICE_TOOL_CALL_PARSER, reasoning: env.SLUICE_REASONING_PARSER },
    passportPublicJwk: env.SLUICE_PASSPORT_PUBLIC_JWK,
    receiptSecret: env.SLUICE_RECEIPT_SECRET,
    receiptLimits: {
      keepMs: env.SLUICE_RECEIPT_KEEP_MS,
      waitMs: env.SLUICE_RECEIPT_WAIT_MS,
      capacity: env.SLUICE_MAX_RECEIPTS,
    },
    bodyLimits: { maxBytes: env.SLUICE_MAX_BODY_BYTES, timeoutMs: env.SLUICE_BODY_TIMEOUT_MS },
    inFlightLimits: {
      maxConcurrentRequests: env.SLUICE_MAX_CONCURRENT_REQUESTS,
      requestTimeoutMs: env.SLUICE_REQUEST_TIMEOUT_MS,
    },
    drainGraceMs: env.SLUICE_DRAIN_GRACE_MS,
    logLevel: env.SLUICE_LOG_LEVEL,
  };
}
