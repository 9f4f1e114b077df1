import type { Command, Values } from "./command.ts";
import { expiryOptions, keyOptions, readExpiryOptions, readKeyOptions } from "./key-options.ts";
import { readDuration } from "./read-options.ts";
import { showSecret } from "./show-secret.ts";
import { field, formatTable, formatThing } from "./table.ts";

const project = { project: { type: "string", shows: "proj_default" } } as const;

const columns = {
  ID: field("id"),
  NAME: field("name"),
  STATUS: field("status"),
  CREATED: field("created_at"),
  EXPIRES: field("expires_at"),
  "LAST USED": field("last_used_at"),
};

function pathOf({ project: projectId = "proj_default" }: Values, ...rest: readonly string[]): string {
  return ["/projects", projectId, "api_keys", ...rest]
    .map((part, at) => (at === 0 ? part : encodeURIComponent(part)))
    .join("/");
}

export const keyCommands: Readonly<Record<string, Command>> = {
  "keys create": {
    summary: "make a key",
    takes: ["NAME"],
    options: { ...project, ...keyOptions },
    run: async (api, { args: [name], values }) => {
      return showSecret(await api.post(pathOf(values), { name, ...readKeyOptions(values) }));
    },
  },
  "keys list": {
    summary: "the keys of a project",
    takes: [],
    options: project,
    run: async (api, { values }) => {
      const keys = await api.list(pathOf(values));
      return { json: keys, text: formatTable(columns, keys) };
    },
  },
  "keys show": {
    summary: "a key and its terms",
    takes: ["ID"],
    options: project,
    run: async (api, { args, values }) => {
      const key = await api.get(pathOf(values, ...args));
      return { json: key, text: formatThing(key) };
    },
  },
  "keys set": {
    summary: "change a key's terms; none lifts one",
    takes: ["ID"],
    options: { ...project, ...keyOptions },
    needsOption: true,
    run: async (api, { args, values }) => {
      const key = await api.post(pathOf(values, ...args), readKeyOptions(values));
      return { json: key, text: formatThing(key) };
    },
  },
  "keys rotate": {
    summary: "another value for a key; the old one works until the overlap ends",
    takes: ["ID"],
    options: { ...project, overlap: { type: "string", shows: "1d" }, ...expiryOptions },
    run: async (api, { args, values }) => {
      const { overlap } = values;
      const body = overlap === undefined ? {} : { overlap_seconds: readDuration("overlap", overlap) };
      return showSecret(await api.post(pathOf(values, ...args, "rotate"), { ...body, ...readExpiryOptions(values) }));
    },
  },
  "keys revoke": {
    summary: "refuse a key from now on",
    takes: ["ID"],
    options: project,
    run: async (api, { args, values }) => {
      return { json: await api.delete(pathOf(values, ...args)), text: "Revoked.\n" };
    },
  },
};
