// What a caller may ask of a kept response. Source: OpenAI API reference, "Get a model response", "List input items".
import * as z from "zod/mini";
import { pageFields, pageOrder } from "./page-query.ts";

/** An answer holds all that can be told of it. */
const inclusions = z.optional(z.unknown());

export const retrieveResponseQuerySchema = z.strictObject({
  include: inclusions,
  include_obfuscation: z.optional(z.stringbool()),
  stream: z.optional(z.stringbool()),
  /** Of a stream: the number of the last event that the caller has. */
  starting_after: z._default(z.coerce.number().check(z.int(), z.gte(0)), -1),
});

export const inputItemsQuerySchema = z.strictObject({ ...pageFields, order: pageOrder, include: inclusions });
