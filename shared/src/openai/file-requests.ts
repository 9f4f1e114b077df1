// What callers send to `/v1/files`. Source: OpenAI API reference, "Upload file" and "List files".
import * as z from "zod/mini";
import { expiresAfterFieldSchema } from "./expires-after.ts";
import { pageFields, pageOrder } from "./page-query.ts";

/** OpenAI's bound on a list, and its default. */
const maxPageLength = 10_000;

/** The form of an upload, but for its `file`. What else OpenAI stores files for, nothing here would ever read. */
export const fileFieldsSchema = z.strictObject({
  purpose: z.literal("batch"),
  expires_after: z.optional(expiresAfterFieldSchema),
});

export const fileListQuerySchema = z.strictObject({
  ...pageFields,
  limit: z._default(z.coerce.number().check(z.int(), z.gte(1), z.lte(maxPageLength)), maxPageLength),
  order: pageOrder,
  purpose: z.optional(z.string()),
});
