import * as z from "zod";
import type { Command } from "./command.ts";
import { readDuration } from "./read-options.ts";
import { field, formatTable } from "./table.ts";
import { UserError } from "./user-error.ts";

const groups: Readonly<Record<string, string>> = { key: "api_key_id", project: "project_id", model: "model" };

const pageSchema = z.object({
  data: z.array(z.object({ start_time: z.number(), results: z.array(z.record(z.string(), z.unknown())) })),
  next_page: z.string().nullable(),
});

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
    run: async (api, { values: { since = "7d", bucket, by, key, project } }) => {
      const groupBy = (by?.split(",") ?? []).map((name) => {
        const group = groups[name];
        if (group === undefined) throw new UserError("--by is one or more of key, project and model, with commas.");
        return group;
      });
      const query = {
        start_time: Math.floor(Date.now() / 1000) - readDuration("since", since),
        bucket_width: bucket,
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
};
