// When a file ends, as callers say it. Source: OpenAI API reference, `expires_after` and `output_expires_after`.
import * as z from "zod/mini";

const hourS = 3_600;
const maxLifetimeS = 30 * 24 * hourS;
const lifetime = [z.int(), z.gte(hourS), z.lte(maxLifetimeS)] as const;

/** Counted from when it is made. */
const anchor = z.literal("created_at");

export const expiresAfterSchema = z.strictObject({ anchor, seconds: z.number().check(...lifetime) });

/** In a form, whose numbers are text. */
export const expiresAfterFieldSchema = z.strictObject({ anchor, seconds: z.coerce.number().check(...lifetime) });
