// How lists are paged. Source: OpenAI API reference, query parameters `limit`, `after` and `order`.
import * as z from "zod/mini";

export const pageFields = {
  /** At most so many entries. */
  limit: z._default(z.coerce.number().check(z.int(), z.gte(1), z.lte(100)), 20),
  /** Entries after the one of this id; absent: from the newest. */
  after: z.optional(z.string()),
};

export const pageSchema = z.object(pageFields);

export type Page = z.output<typeof pageSchema>;

/** By creation, newest first by default. */
export const pageOrder = z._default(z.enum(["asc", "desc"]), "desc");
