// What a gate knows of its key: the only copy of the secret's hash.
import * as z from "zod/mini";
import { limitsSchema, rateLimitsSchema } from "#edge/rate-limit/limits.ts";
import { scopeSchema } from "./scope.ts";
import { serviceTierSchema } from "./service-tier.ts";

const texts = z.readonly(z.array(z.string()));

/** What may be changed while the key lives. */
export const keyTermsSchema = z.object({
  /** Absent: no limits. */
  limits: z.optional(limitsSchema),
  /** model -> limits that hold for it beside the key's own. */
  modelLimits: z.optional(z.record(z.string(), rateLimitsSchema)),
  /** Absent: the ordinary ones. */
  serviceTiers: z.optional(z.readonly(z.array(serviceTierSchema))),
  /** Absent: the ordinary ones. */
  scopes: z.optional(z.readonly(z.array(scopeSchema))),
  /** Patterns of models the key may use, with `*`. Absent: all. Empty: none. */
  models: z.optional(texts),
  /** Patterns of models that it may not use, whatever `models` says. */
  deniedModels: z.optional(texts),
  /** Networks in CIDR notation from which alone the key may be used. Absent: from anywhere. */
  ipAllowlist: z.optional(texts),
  /** Networks from which it may not be used, whatever the allowlist says. */
  ipDenylist: z.optional(texts),
  /** Origins of the pages whose scripts may use it. Absent: any that the deployment lets ask. */
  origins: z.optional(texts),
  /** Jurisdictions of the regions that may compute its requests. Absent: any. */
  jurisdictions: z.optional(texts),
  /** Whether replies say why their region was chosen. */
  explainsRouting: z.optional(z.boolean()),
});

export type KeyTerms = Readonly<z.infer<typeof keyTermsSchema>>;

/** Who the key is, which changes only by rotating, revoking or prolonging it. */
export const keyIdentitySchema = z.object({
  keyId: z.string(),
  orgId: z.string(),
  /** Empty for an admin key, which belongs to no project. */
  projectId: z.string(),
  /** Absent: no secret opens the gate, only a token. */
  secretHash: z.optional(z.string()),
  /** Of secrets before the last rotations, which are good until then. */
  previousSecrets: z.optional(z.readonly(z.array(z.object({ hash: z.string(), untilMs: z.int() })))),
  status: z.enum(["active", "revoked"]),
  createdAtMs: z.int(),
  /** Absent: the key never expires. */
  expiresAtMs: z.optional(z.int()),
});

export const keyRecordSchema = z.extend(keyTermsSchema, keyIdentitySchema.shape);

export type KeyRecord = Readonly<z.infer<typeof keyRecordSchema>>;
