// What a gate knows of its key: the only copy of the secret's hash.
import * as z from "zod/mini";

export const keyRecordSchema = z.object({
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
