// Lists, as OpenAI's administration pages them.
import * as z from "zod/mini";

export const pageFields = {
  /** At most so many entries. */
  limit: z._default(z.coerce.number().check(z.int(), z.gte(1), z.lte(100)), 20),
  /** Entries after the one of this id; absent: from the newest. */
  after: z.optional(z.string()),
};

export const pageSchema = z.object(pageFields);

export type Page = z.output<typeof pageSchema>;

/** `entries` has one more than the page's limit when there is a next page. */
export function toListPage<Entry, Wire extends { readonly id: string }>(
  entries: readonly Entry[],
  { limit }: Page,
  toWire: (entry: Entry) => Wire,
) {
  const data = entries.slice(0, limit).map(toWire);
  const [first_id, last_id] = [data.at(0)?.id ?? null, data.at(-1)?.id ?? null];
  return { object: "list", data, first_id, last_id, has_more: entries.length > limit };
}

export function toSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1000);
}
