// What callers send to `/v1/files`. Source: OpenAI API reference, "Upload file" and "List files".
import * as z from "zod/mini";
import { pageFields, pageOrder } from "./page-query.ts";

const hourS = 3_600;
const maxLifetimeS = 30 * 24 * hourS;
/** OpenAI's bound on a list, and its default. */
const maxPageLength = 10_000;

/** When a file ends. */
export const expiresAfterSchema = z.strictObject({
  anchor: z.literal("created_at"),
  /** A form gives it as text. */
  seconds: z.coerce.number().check(z.int(), z.gte(hourS), z.lte(maxLifetimeS)),
});

/** The form of an upload, but for its `file`. What else OpenAI stores files for, nothing here would ever read. */
export const fileFieldsSchema = z.strictObject({
  purpose: z.literal("batch"),
  expires_after: z.optional(expiresAfterSchema),
});

export const fileListQuerySchema = z.strictObject({
  ...pageFields,
  limit: z._default(z.coerce.number().check(z.int(), z.gte(1), z.lte(maxPageLength)), maxPageLength),
  order: pageOrder,
  purpose: z.optional(z.string()),
});
