// What callers send to `/v1/batches`, and the lines of what a batch is to run.
// Source: OpenAI API reference, "Create batch", "List batches", "The request input object".
import * as z from "zod/mini";
import { expiresAfterSchema } from "./expires-after.ts";
import { metadataSchema } from "./metadata.ts";
import { pageFields } from "./page-query.ts";

const maxCustomIdLength = 512;

export const batchEndpoints = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"] as const;

export const batchEndpointSchema = z.enum(batchEndpoints);

export type BatchEndpoint = z.infer<typeof batchEndpointSchema>;

/** The body of `POST /v1/batches`. */
export const batchRequestSchema = z.strictObject({
  input_file_id: z.string(),
  endpoint: batchEndpointSchema,
  completion_window: z.literal("24h"),
  metadata: z.nullish(metadataSchema),
  /** When its output and error files end, counted from when they are made. */
  output_expires_after: z.nullish(expiresAfterSchema),
});

export type BatchRequest = z.infer<typeof batchRequestSchema>;

export const batchListQuerySchema = z.strictObject(pageFields);

/** One line of an input file. Its method, its url and its body are judged with the endpoint in view. */
export const batchLineSchema = z.strictObject({
  /** The caller's own name for the line, unlike any other of the file. */
  custom_id: z.string().check(z.minLength(1), z.maxLength(maxCustomIdLength)),
  method: z.string(),
  url: z.string(),
  body: z.record(z.string(), z.unknown()),
});
