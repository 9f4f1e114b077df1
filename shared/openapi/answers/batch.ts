import * as z from "zod/mini";
import { type Batch, batchStatuses, type BatchList } from "../../src/openai/batch.ts";
import { answerOf } from "./answer-of.ts";

const time = z.exactOptional(z.int());

const error = z.strictObject({
  code: z.string(),
  message: z.string(),
  param: z.nullable(z.string()),
  line: z.nullable(z.int()),
});

const usage = z.strictObject({
  input_tokens: z.int(),
  input_tokens_details: z.strictObject({ cached_tokens: z.int() }),
  output_tokens: z.int(),
  output_tokens_details: z.strictObject({ reasoning_tokens: z.int() }),
  total_tokens: z.int(),
});

export const batch = answerOf<Batch>()(
  z.strictObject({
    id: z.string(),
    object: z.literal("batch"),
    endpoint: z.string(),
    model: z.exactOptional(z.string()),
    errors: z.exactOptional(z.strictObject({ object: z.literal("list"), data: z.array(error) })),
    input_file_id: z.string(),
    completion_window: z.literal("24h"),
    status: z.enum(batchStatuses),
    output_file_id: z.exactOptional(z.string()),
    error_file_id: z.exactOptional(z.string()),
    created_at: z.int(),
    in_progress_at: time,
    expires_at: z.int(),
    finalizing_at: time,
    completed_at: time,
    failed_at: time,
    expired_at: time,
    cancelling_at: time,
    cancelled_at: time,
    request_counts: z.strictObject({ total: z.int(), completed: z.int(), failed: z.int() }),
    usage: z.exactOptional(usage),
    metadata: z.nullable(z.record(z.string(), z.string())),
  }),
);

export const batchList = answerOf<BatchList>()(
  z.strictObject({
    object: z.literal("list"),
    data: z.array(batch),
    first_id: z.exactOptional(z.string()),
    last_id: z.exactOptional(z.string()),
    has_more: z.boolean(),
  }),
);
