// A batch but for its lines, as its object keeps it and as callers see it.
import { type Batch, type BatchRequestCounts, batchStatuses } from "@sluice/shared/openai/batch.ts";
import { batchEndpointSchema } from "@sluice/shared/openai/batch-request.ts";
import * as z from "zod/mini";
import { toSeconds } from "#edge/admin/page.ts";

const errorSchema = z.object({
  code: z.string(),
  message: z.string(),
  param: z.nullable(z.string()),
  line: z.nullable(z.int()),
});

const countsSchema = z.object({ total: z.int(), completed: z.int(), failed: z.int() });

const usageSchema = z.object({
  inputTokens: z.int(),
  cachedTokens: z.int(),
  outputTokens: z.int(),
  reasoningTokens: z.int(),
});

export type BatchUsageSum = Readonly<z.infer<typeof usageSchema>>;

/** Why lines were not run: what stands in the error file in the place of an answer. */
const unrunSchema = z.object({
  code: z.string(),
  message: z.string(),
  /** Whether they count as failed; those that were cancelled or had no time left do not. */
  isFailure: z.boolean(),
});

export type Unrun = Readonly<z.infer<typeof unrunSchema>>;

/** Whose batch, and what its lines are admitted by. There is no secret in it. */
const callerSchema = z.object({
  orgId: z.string(),
  projectId: z.string(),
  keyId: z.string(),
  ip: z.optional(z.string()),
  origin: z.optional(z.string()),
  /** Where the caller was, as Cloudflare told it. */
  place: z.record(z.string(), z.string()),
});

export type BatchCaller = Readonly<z.infer<typeof callerSchema>>;

export const batchHeadSchema = z.object({
  id: z.string(),
  caller: callerSchema,
  /** Of the body that made it under an `Idempotency-Key`. */
  requestHash: z.optional(z.string()),
  endpoint: batchEndpointSchema,
  inputFileId: z.string(),
  inputSizeBytes: z.int(),
  metadata: z.nullable(z.record(z.string(), z.string())),
  /** How long result files are kept. */
  outputLifetimeMs: z.int(),

  status: z.enum(batchStatuses),
  createdAtMs: z.int(),
  /** End of the completion window. */
  expiresAtMs: z.int(),
  inProgressAtMs: z.optional(z.int()),
  finalizingAtMs: z.optional(z.int()),
  cancellingAtMs: z.optional(z.int()),
  /** When it got the status that it ends in. */
  endedAtMs: z.optional(z.int()),

  /** The next turn's number: a message that carries another is of a turn that has been. */
  turn: z.int(),
  /** Turns that failed since one did not. */
  numFailures: z.int(),
  /** How much of the input file is validated. */
  checkedBytes: z.int(),
  /** Lines of it that are not blank. */
  checkedLines: z.int(),
  model: z.optional(z.string()),
  errors: z.array(errorSchema),
  unrun: z.optional(unrunSchema),
  /** Of all answers together. */
  outputBytes: z.int(),
  usage: z.optional(usageSchema),
  /** Once it has ended. */
  counts: z.optional(countsSchema),
  outputFileId: z.optional(z.string()),
  errorFileId: z.optional(z.string()),
  /** The file that is being written, so that it is not written a second time. */
  draftFileId: z.optional(z.string()),
});

export type BatchHead = Readonly<z.infer<typeof batchHeadSchema>>;

/** How far a batch is that was just made. */
export const atTheStart = {
  status: "validating",
  turn: 1,
  numFailures: 0,
  checkedBytes: 0,
  checkedLines: 0,
  outputBytes: 0,
  errors: [],
} satisfies Partial<BatchHead>;

export function hasEnded({ endedAtMs }: BatchHead): boolean {
  return endedAtMs !== undefined;
}

/** @param counts of its lines by now. */
export function batchToWire(head: BatchHead, counts: BatchRequestCounts): Batch {
  const { status, errors, model, usage, outputFileId, errorFileId, endedAtMs } = head;
  const times = {
    in_progress_at: head.inProgressAtMs,
    finalizing_at: head.finalizingAtMs,
    cancelling_at: head.cancellingAtMs,
    ...(endedAtMs !== undefined && { [`${status}_at`]: endedAtMs }),
  };
  const come = Object.entries(times).flatMap(([name, atMs]) => (atMs === undefined ? [] : [[name, toSeconds(atMs)]]));
  return {
    id: head.id,
    object: "batch",
    endpoint: head.endpoint,
    ...(model !== undefined && { model }),
    ...(errors.length > 0 && { errors: { object: "list", data: errors } }),
    input_file_id: head.inputFileId,
    completion_window: "24h",
    status,
    ...(outputFileId !== undefined && { output_file_id: outputFileId }),
    ...(errorFileId !== undefined && { error_file_id: errorFileId }),
    created_at: toSeconds(head.createdAtMs),
    expires_at: toSeconds(head.expiresAtMs),
    ...(Object.fromEntries(come) as Partial<Batch>),
    request_counts: head.counts ?? counts,
    ...(usage !== undefined && { usage: usageToWire(usage) }),
    metadata: head.metadata,
  };
}

function usageToWire({ inputTokens, cachedTokens, outputTokens, reasoningTokens }: BatchUsageSum) {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens,
  };
}
