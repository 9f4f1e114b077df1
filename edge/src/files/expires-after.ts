// When a file ends, as callers say it. Source: OpenAI API reference, "Upload file", `expires_after`.
import * as z from "zod/mini";

const hourS = 3_600;
const maxS = 30 * 24 * hourS;

export const expiresAfterSchema = z.strictObject({
  anchor: z.literal("created_at"),
  /** A form gives it as text. */
  seconds: z.coerce.number().check(z.int(), z.gte(hourS), z.lte(maxS)),
});
