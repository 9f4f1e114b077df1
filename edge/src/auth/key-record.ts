// What a gate knows of its key: the only copy of the secret's hash.
import * as z from "zod/mini";
import { limitsSchema, rateLimitsSchema } from "#edge/rate-limit/limits.ts";
import { serviceTierSchema } from "./service-tier.ts";

/** What may be changed while the key lives. */
const keyTermsSchema = z.object({
  /** Absent: no limits. */
  limits: z.optional(limitsSchema),
  /** model -> limits that hold for it beside the key's own. */
  modelLimits: z.optional(z.record(z.string(), rateLimitsSchema)),
  /** Absent: the ordinary ones. */
  serviceTiers: z.optional(z.readonly(z.array(serviceTierSchema))),
});

export type KeyTerms = Readonly<z.infer<typeof keyTermsSchema>>;

export const keyRecordSchema = z.extend(keyTermsSchema, {
  keyId: z.string(),
  orgId: z.string(),
  projectId: z.string(),
  secretHash: z.string(),
  status: z.enum(["active", "revoked"]),
  createdAtMs: z.int(),
  /** Absent: the key never expires. */
  expiresAtMs: z.optional(z.int()),
  /** Models the key may use. Absent: all. Empty: none. */
  models: z.optional(z.readonly(z.array(z.string()))),
});

export type KeyRecord = Readonly<z.infer<typeof keyRecordSchema>>;
