// Pages of lists, as OpenAI's API has them.
import type { Page } from "@sluice/shared/openai/page-query.ts";

/** `entries` has one more than the page's limit when there is a next page. */
export function toListPage<Entry, Wire extends { readonly id: string }>(
  entries: readonly Entry[],
  { limit }: Page,
  toWire: (entry: Entry) => Wire,
) {
  const data = entries.slice(0, limit).map(toWire);
  const [first_id, last_id] = [data.at(0)?.id ?? null, data.at(-1)?.id ?? null];
  return { object: "list" as const, data, first_id, last_id, has_more: entries.length > limit };
}

/** `null` for an instant that never comes. */
export function secondsOrNull(epochMs: number | undefined): number | null {
  return epochMs === undefined ? null : toSeconds(epochMs);
}

export function toSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1000);
}
