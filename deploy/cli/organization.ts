// Commands about the organization as a whole.
import { readFile } from "node:fs/promises";
import type { Thing } from "./admin-api.ts";
import type { Command } from "./command.ts";
import { readDuration, readList } from "./read-options.ts";
import { field, formatTable, formatThing } from "./table.ts";
import { UserError } from "./user-error.ts";

const issuerColumns = {
  ID: field("id"),
  ISSUER: field("issuer"),
  AUDIENCES: field("audiences"),
  PROJECT: field("project_id"),
};

const engineColumns = {
  REGION: field("region"),
  ENGINE: field("id"),
  STATUS: field("status"),
  RUNNING: field("num_running"),
  WAITING: field("num_waiting"),
  "QUEUED TOKENS": field("num_queued_tokens"),
  "KV USE": (engine: Thing) => `${Math.round(Number(engine["kv_cache_usage"]) * 100)} %`,
};

const regionColumns = {
  REGION: field("id"),
  HEALTH: field("health"),
  JURISDICTION: field("jurisdiction"),
  MODELS: (region: Thing) => (region["models"] as string[]).join(", "),
  RUNNING: field("num_running"),
  WAITING: field("num_waiting"),
};

const auditColumns = {
  AT: field("effective_at"),
  EVENT: field("type"),
  TARGET: (entry: Thing) => (entry[String(entry["type"])] as { id: string }).id,
  ACTOR: (entry: Thing) => actorOf(entry).api_key.id,
  ADDRESS: (entry: Thing) => actorOf(entry).ip_address ?? "-",
  CHANGE: (entry: Thing) => (entry["after"] === null ? "" : JSON.stringify(entry["after"])),
};

function actorOf(entry: Thing) {
  return entry["actor"] as { readonly api_key: { readonly id: string }; readonly ip_address: string | null };
}

export const organizationCommands: Readonly<Record<string, Command>> = {
  engines: {
    summary: "what runs and waits on each engine",
    takes: [],
    options: {},
    run: async (api) => {
      const engines = await api.list("/engines");
      return { json: engines, text: formatTable(engineColumns, engines) };
    },
  },
  regions: {
    summary: "the regions and how they are",
    takes: [],
    options: {},
    run: async (api) => {
      const regions = await api.list("/regions");
      return { json: regions, text: formatTable(regionColumns, regions) };
    },
  },
  audit: {
    summary: "who changed what, newest first",
    takes: [],
    options: {
      type: { type: "string", shows: "api_key.created,…" },
      actor: { type: "string", shows: "ID" },
      project: { type: "string", shows: "ID" },
      target: { type: "string", shows: "ID" },
      since: { type: "string", shows: "7d" },
      limit: { type: "string", shows: "20" },
    },
    run: async (api, { values: { type, actor, project, target, since, limit = "20" } }) => {
      if (!/^[1-9]\d*$/.test(limit)) throw new UserError("--limit is a whole number from 1 on.");
      const query = {
        event_types: type === undefined ? undefined : (readList(type) ?? []),
        actor_ids: actor === undefined ? undefined : [actor],
        project_ids: project === undefined ? undefined : [project],
        resource_ids: target === undefined ? undefined : [target],
        "effective_at[gte]":
          since === undefined ? undefined : Math.floor(Date.now() / 1000) - readDuration("since", since),
      };
      const entries = await api.list("/audit_logs", query, Number(limit));
      return { json: entries, text: formatTable(auditColumns, entries) };
    },
  },
  "issuers list": {
    summary: "whose tokens are accepted",
    takes: [],
    options: {},
    run: async (api) => {
      const issuers = await api.list("/issuers");
      return { json: issuers, text: formatTable(issuerColumns, issuers) };
    },
  },
  "issuers show": {
    summary: "an issuer, and what its tokens may",
    takes: ["ID"],
    options: {},
    run: async (api, { args: [id = ""] }) => {
      const issuer = await api.get(`/issuers/${encodeURIComponent(id)}`);
      return { json: issuer, text: formatThing(issuer) };
    },
  },
  "issuers add": {
    summary: "accept the tokens of an issuer; FILE is as docs/identity.md shows it",
    takes: ["FILE"],
    options: {},
    run: async (api, { args: [file = ""] }) => {
      const issuer = await api.post("/issuers", await readJsonFile(file));
      return { json: issuer, text: formatThing(issuer) };
    },
  },
  "issuers delete": {
    summary: "accept an issuer's tokens no longer",
    takes: ["ID"],
    options: {},
    run: async (api, { args: [id = ""] }) => {
      return { json: await api.delete(`/issuers/${encodeURIComponent(id)}`), text: "Deleted.\n" };
    },
  },
};

async function readJsonFile(file: string): Promise<object> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as object;
  } catch (cause) {
    throw new UserError(`${file} cannot be read as JSON.`, { cause });
  }
}
