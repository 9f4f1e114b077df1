// Commands about what holds for all keys of the organization or, with --project, of a project.
import type { Command, Values } from "./command.ts";
import { readCount, readList } from "./read-options.ts";
import { formatThing } from "./table.ts";

const project = { type: "string", shows: "ID" } as const;
const count = { type: "string", shows: "N|none" } as const;
const networks = { type: "string", shows: "A,B|none" } as const;

const limits = ["rpm", "tpm", "rpd", "concurrency", "tokens-per-month"] as const;
const lists = ["allowlist", "denylist"] as const;

function pathOf({ project: projectId }: Values, what: "limits" | "networks"): string {
  return projectId === undefined ? `/${what}` : `/projects/${encodeURIComponent(projectId)}/${what}`;
}

/** The fields of the options that were given, each as it is read; `none` is as if it was not given. */
function fieldsOf<Name extends string>(
  names: readonly Name[],
  values: Values,
  read: (name: Name, text: string) => unknown,
): object {
  const given = names.flatMap((name) => {
    const text = values[name];
    return text === undefined || text === "none" ? [] : [[name.replaceAll("-", "_"), read(name, text)] as const];
  });
  return Object.fromEntries(given);
}

export const ownerCommands: Readonly<Record<string, Command>> = {
  "limits show": {
    summary: "limits of all keys together, of the organization or a project",
    takes: [],
    options: { project },
    run: async (api, { values }) => {
      const shown = await api.get(pathOf(values, "limits"));
      return { json: shown, text: formatThing(shown) };
    },
  },
  "limits set": {
    summary: "replace these limits; what is not given is lifted",
    takes: [],
    options: { project, ...Object.fromEntries(limits.map((name) => [name, count])) },
    needsOption: true,
    run: async (api, { values }) => {
      const set = await api.post(pathOf(values, "limits"), fieldsOf(limits, values, readCount));
      return { json: set, text: formatThing(set) };
    },
  },
  "networks show": {
    summary: "from where all keys of the organization or a project may be used",
    takes: [],
    options: { project },
    run: async (api, { values }) => {
      const shown = await api.get(pathOf(values, "networks"));
      return { json: shown, text: formatThing(shown) };
    },
  },
  "networks set": {
    summary: "replace these lists; what is not given is lifted",
    takes: [],
    options: { project, ...Object.fromEntries(lists.map((name) => [name, networks])) },
    needsOption: true,
    run: async (api, { values }) => {
      const body = fieldsOf(lists, values, (_, text) => readList(text));
      const set = await api.post(pathOf(values, "networks"), body);
      return { json: set, text: formatThing(set) };
    },
  },
};
