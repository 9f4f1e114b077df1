import { readFile } from "node:fs/promises";
import * as z from "zod";
import type { Command } from "./command.ts";
import { readDuration } from "./read-options.ts";
import { field, formatTable } from "./table.ts";
import { UserError } from "./user-error.ts";

/** Buckets on a page, as many as the API gives at once. */
const pageSizes: Readonly<Record<string, number>> = { "1m": 1_440, "1h": 168, "1d": 31 };

const groups: Readonly<Record<string, string>> = { key: "api_key_id", project: "project_id", model: "model" };

const pageSchema = z.object({
  data: z.array(z.object({ start_time: z.number(), results: z.array(z.record(z.string(), z.unknown())) })),
  next_page: z.string().nullable(),
});

/** How many entries the API takes at once. */
const maxEntries = 100;

/** A line of the edge's log that tells of usage which the queue did not take, or did not know. */
const lostSchema = z.union([
  z.object({ event: z.literal("usage entry not queued"), entry: z.record(z.string(), z.unknown()) }),
  z
    .object({ event: z.literal("usage entry of an unknown form dropped"), body: z.record(z.string(), z.unknown()) })
    .transform(({ body }) => ({ entry: body })),
]);

const counts = {
  REQUESTS: field("num_model_requests"),
  INPUT: field("input_tokens"),
  CACHED: field("input_cached_tokens"),
  OUTPUT: field("output_tokens"),
};

export const usageCommands: Readonly<Record<string, Command>> = {
  usage: {
    summary: "requests and tokens over time",
    takes: [],
    options: {
      since: { type: "string", shows: "7d" },
      bucket: { type: "string", shows: "1d|1h|1m" },
      by: { type: "string", shows: "key,project,model" },
      key: { type: "string", shows: "ID" },
      project: { type: "string", shows: "ID" },
    },
    run: async (api, { values: { since = "7d", bucket = "1d", by, key, project } }) => {
      const groupBy = (by?.split(",") ?? []).map((name) => {
        const group = groups[name];
        if (group === undefined) throw new UserError("--by is one or more of key, project and model, with commas.");
        return group;
      });
      const query = {
        start_time: Math.floor(Date.now() / 1000) - readDuration("since", since),
        bucket_width: bucket,
        limit: pageSizes[bucket],
        group_by: groupBy,
        api_key_ids: key === undefined ? undefined : [key],
        project_ids: project === undefined ? undefined : [project],
      };
      const rows: Record<string, unknown>[] = [];
      let next: string | undefined;
      do {
        const page = pageSchema.parse(await api.get("/usage/completions", { ...query, page: next }));
        for (const { start_time, results } of page.data) rows.push(...results.map((row) => ({ start_time, ...row })));
        next = page.next_page ?? undefined;
      } while (next !== undefined);
      const kept = Object.fromEntries(groupBy.map((group) => [group.toUpperCase(), field(group)]));
      return { json: rows, text: formatTable({ FROM: field("start_time"), ...kept, ...counts }, rows) };
    },
  },
  "usage enter": {
    summary: "enter usage that was lost on its way to the ledger; FILE is the edge's log",
    takes: ["FILE"],
    options: {},
    run: async (api, { args: [file = ""] }) => {
      const entries = await readLostEntries(file);
      for (let first = 0; first < entries.length; first += maxEntries) {
        await api.post("/usage_entries", { entries: entries.slice(first, first + maxEntries) });
      }
      return { json: { num_queued: entries.length }, text: `${entries.length} on their way to the ledger.\n` };
    },
  },
};

/** What comes before the JSON in a line is left out: many log viewers put the time there. */
async function readLostEntries(file: string): Promise<unknown[]> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new UserError(`${file} cannot be read.`, { cause });
  });
  const lines = text.split("\n").filter((line) => line.includes('"usage entry '));
  return lines.flatMap((line) => {
    const parsed = lostSchema.safeParse(parseJson(line.slice(line.indexOf("{"))));
    return parsed.success ? [parsed.data.entry] : [];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
