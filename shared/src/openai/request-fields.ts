// What chat completions, text completions and responses ask for in the same words. Source: OpenAI API reference.
import * as z from "zod/mini";
import { seedSchema } from "./seed.ts";
import { metadataSchema } from "./metadata.ts";
import { requestedTierSchema } from "./service-tier.ts";

const maxIdentifierLength = 64;

export const requestFields = {
  model: z.string(),
  stream: z.nullish(z.boolean()),
  temperature: z.nullish(z.number().check(z.minimum(0), z.maximum(2))),
  /** 0 keeps only the most likely token, as OpenAI reads it. */
  top_p: z.nullish(z.number().check(z.minimum(0), z.maximum(1))),
  seed: z.nullish(seedSchema),
  /** How urgent it is, within what the caller's key grants. */
  service_tier: z.nullish(requestedTierSchema),

  // Accepted and without effect on the output.
  user: z.nullish(z.string()),
  safety_identifier: z.nullish(z.string().check(z.maxLength(maxIdentifierLength))),
  prompt_cache_key: z.nullish(z.string()),
  prompt_cache_retention: z.nullish(z.enum(["in_memory", "in-memory", "24h"])),
  prompt_cache_options: z.nullish(
    z.strictObject({ mode: z.nullish(z.enum(["implicit", "explicit"])), ttl: z.nullish(z.string()) }),
  ),
  metadata: z.nullish(metadataSchema),
};
