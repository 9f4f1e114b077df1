import type { EmbedRequest } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import * as z from "zod";
import { opaqueName, type ParsedGenerateRequest } from "./parse-generate-request.ts";
import { parseMessage } from "./parse-message.ts";

// Token ids are uint32 by the proto; whether they are in the vocabulary is the engine's to say.
const schema = z.object({
  requestId: z.string().min(1).max(128),
  tokenIds: z.custom<readonly number[]>(),
  dimensions: z.int().min(1).optional(),
  priority: z.int(),
  cacheSalt: opaqueName,
  tenant: opaqueName,
});

/** The request as the engine sees it: a prompt after which nothing is sampled. @throws AppError `invalid_value` with the field's name. */
export function parseEmbedRequest(message: EmbedRequest): Omit<ParsedGenerateRequest, "n" | "grammar"> {
  const { tokenIds, dimensions, ...rest } = parseMessage(schema, message);
  return {
    ...rest,
    promptTokenIds: tokenIds,
    embedding: { numDimensions: dimensions },
    sampling: { temperature: 0, topP: 1, topK: 0, seed: 0 },
    stopping: { maxTokens: 0, stopTokenIds: [] },
  };
}
