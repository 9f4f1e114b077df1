// What travels from a request's end to the ledger.
import * as z from "zod/mini";

export const usageEntrySchema = z.object({
  requestId: z.string(),
  orgId: z.string(),
  projectId: z.string(),
  keyId: z.string(),
  model: z.string(),
  startedAtMs: z.int(),
  /** The regions' receipts as they signed them. */
  receipts: z.readonly(z.array(z.string())),
  /** Regions that answered and whose receipt could not be had yet. */
  missing: z.readonly(z.array(z.string())),
  /** Absent: nothing was reserved. */
  reservedTokens: z.optional(z.int()),
});

export type UsageEntry = Readonly<z.infer<typeof usageEntrySchema>>;
