// Keys of the administration.
import type { Command, Values } from "./command.ts";
import { expiryOptions, readExpiryOptions } from "./key-options.ts";
import { readDuration, readList } from "./read-options.ts";
import { showSecret } from "./show-secret.ts";
import { field, formatTable, formatThing } from "./table.ts";

const columns = {
  ID: field("id"),
  NAME: field("name"),
  EXPIRES: field("expires_at"),
  "LAST USED": field("last_used_at"),
};

const lists = {
  allowlist: { type: "string", shows: "A,B|none" },
  denylist: { type: "string", shows: "A,B|none" },
} as const;

function pathOf(id: string, ...rest: readonly string[]): string {
  return ["/admin_api_keys", encodeURIComponent(id), ...rest].join("/");
}

function readTerms(values: Values): Record<string, unknown> {
  const body = readExpiryOptions(values);
  for (const name of ["allowlist", "denylist"]) {
    const text = values[name];
    if (text !== undefined) body[name] = readList(text);
  }
  return body;
}

export const adminKeyCommands: Readonly<Record<string, Command>> = {
  "admin-keys list": {
    summary: "keys of the administration",
    takes: [],
    options: {},
    run: async (api) => {
      const keys = await api.list("/admin_api_keys");
      return { json: keys, text: formatTable(columns, keys) };
    },
  },
  "admin-keys create": {
    summary: "make a key of the administration",
    takes: ["NAME"],
    options: { ...expiryOptions, ...lists },
    run: async (api, { args: [name], values }) => {
      return showSecret(await api.post("/admin_api_keys", { name, ...readTerms(values) }));
    },
  },
  "admin-keys set": {
    summary: "change its name, its expiry, or from where it may be used; none lifts a list",
    takes: ["ID"],
    options: { name: { type: "string", shows: "NAME" }, ...expiryOptions, ...lists },
    needsOption: true,
    run: async (api, { args: [id = ""], values }) => {
      const { name } = values;
      const key = await api.post(pathOf(id), { ...(name !== undefined && { name }), ...readTerms(values) });
      return { json: key, text: formatThing(key) };
    },
  },
  "admin-keys rotate": {
    summary: "another value for it; the old one works until the overlap ends",
    takes: ["ID"],
    options: { overlap: { type: "string", shows: "1d" }, ...expiryOptions },
    run: async (api, { args: [id = ""], values }) => {
      const { overlap } = values;
      const body = overlap === undefined ? {} : { overlap_seconds: readDuration("overlap", overlap) };
      return showSecret(await api.post(pathOf(id, "rotate"), { ...body, ...readExpiryOptions(values) }));
    },
  },
  "admin-keys delete": {
    summary: "refuse a key of the administration from now on",
    takes: ["ID"],
    options: {},
    run: async (api, { args: [id = ""] }) => {
      return { json: await api.delete(pathOf(id)), text: "Deleted.\n" };
    },
  },
};
