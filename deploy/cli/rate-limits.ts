// What all keys of a project may use of one model together.
import type { Thing } from "./admin-api.ts";
import type { Command, Values } from "./command.ts";
import { readCount } from "./read-options.ts";
import { field, formatTable, formatThing } from "./table.ts";

const project = { type: "string", shows: "proj_default" } as const;
const count = { type: "string", shows: "N|none" } as const;

/** option -> field, and the number with which the API says that there is no such limit. */
const limits = {
  rpm: { field: "max_requests_per_1_minute", none: 10_000_000 },
  tpm: { field: "max_tokens_per_1_minute", none: 10_000_000_000 },
  rpd: { field: "max_requests_per_1_day", none: 10_000_000 },
} as const;

const columns = {
  MODEL: field("model"),
  RPM: limitCell("rpm"),
  TPM: limitCell("tpm"),
  RPD: limitCell("rpd"),
};

function limitCell(name: keyof typeof limits): (row: Thing) => string {
  const { field: from, none } = limits[name];
  return (row) => (row[from] === none ? "-" : field(from)(row));
}

function pathOf({ project: projectId = "proj_default" }: Values): string {
  return `/projects/${encodeURIComponent(projectId)}/rate_limits`;
}

export const rateLimitCommands: Readonly<Record<string, Command>> = {
  "rate-limits list": {
    summary: "what all keys of a project may use of each model",
    takes: [],
    options: { project },
    run: async (api, { values }) => {
      const rows = await api.list(pathOf(values));
      return { json: rows, text: formatTable(columns, rows) };
    },
  },
  "rate-limits set": {
    summary: "limit a model for all keys of a project; what is not given stays",
    takes: ["MODEL"],
    options: { project, rpm: count, tpm: count, rpd: count },
    needsOption: true,
    run: async (api, { args: [model = ""], values }) => {
      const given = Object.entries(limits).flatMap(([option, { field: name, none }]) => {
        const text = values[option];
        return text === undefined ? [] : [[name, readCount(option, text) ?? none] as const];
      });
      const set = await api.post(`${pathOf(values)}/rl-${encodeURIComponent(model)}`, Object.fromEntries(given));
      return { json: set, text: formatThing(set) };
    },
  },
};
