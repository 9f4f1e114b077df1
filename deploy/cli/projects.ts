import type { Command } from "./command.ts";
import { field, formatTable, formatThing } from "./table.ts";

const projectColumns = { ID: field("id"), NAME: field("name"), STATUS: field("status"), CREATED: field("created_at") };
const project = { project: { type: "string", shows: "proj_default" } } as const;

const accountColumns = { ID: field("id"), NAME: field("name"), CREATED: field("created_at") };

function one(projectId: string): string {
  return `/projects/${encodeURIComponent(projectId)}`;
}

export const projectCommands: Readonly<Record<string, Command>> = {
  "projects list": {
    summary: "all projects, archived ones too",
    takes: [],
    options: {},
    run: async (api) => {
      const projects = await api.list("/projects", { include_archived: "true" });
      return { json: projects, text: formatTable(projectColumns, projects) };
    },
  },
  "projects create": {
    summary: "make a project",
    takes: ["NAME"],
    options: {},
    run: async (api, { args: [name] }) => {
      const made = await api.post("/projects", { name });
      return { json: made, text: formatThing(made) };
    },
  },
  "projects rename": {
    summary: "give a project another name",
    takes: ["ID", "NAME"],
    options: {},
    run: async (api, { args: [id = "", name] }) => {
      const renamed = await api.post(one(id), { name });
      return { json: renamed, text: formatThing(renamed) };
    },
  },
  "projects archive": {
    summary: "end a project: all its keys are revoked",
    takes: ["ID"],
    options: {},
    run: async (api, { args: [id = ""] }) => {
      const archived = await api.post(`${one(id)}/archive`);
      return { json: archived, text: "Archived; its keys are revoked.\n" };
    },
  },
  "accounts list": {
    summary: "the service accounts of a project",
    takes: [],
    options: project,
    run: async (api, { values: { project: projectId = "proj_default" } }) => {
      const accounts = await api.list(`${one(projectId)}/service_accounts`);
      return { json: accounts, text: formatTable(accountColumns, accounts) };
    },
  },
  "accounts create": {
    summary: "make a service account, with a key",
    takes: ["NAME"],
    options: project,
    run: async (api, { args: [name], values: { project: projectId = "proj_default" } }) => {
      const account = await api.post(`${one(projectId)}/service_accounts`, { name });
      const { id, value } = account["api_key"] as { id: string; value: string };
      const text =
        `${value}\n\nThis is key ${id} of ${String(account["id"])}, without limits until \`sluice keys set\` gives it some. ` +
        "Keep its value: it is not shown again.\n";
      return { json: account, text };
    },
  },
  "accounts delete": {
    summary: "delete a service account: its keys are revoked",
    takes: ["ID"],
    options: project,
    run: async (api, { args: [id = ""], values: { project: projectId = "proj_default" } }) => {
      const deleted = await api.delete(`${one(projectId)}/service_accounts/${encodeURIComponent(id)}`);
      return { json: deleted, text: "Deleted; its keys are revoked.\n" };
    },
  },
};
