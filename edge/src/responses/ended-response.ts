import { itemSchema } from "@sluice/shared/openai/response-input.ts";
import * as z from "zod/mini";

/** A response as a region sent it, with what must be known of it to keep it. */
export const endedResponseSchema = z.looseObject({ status: z.string(), output: z.array(itemSchema) });

export type EndedResponse = z.infer<typeof endedResponseSchema>;
