// `npm run sluice` against the real Worker, as a person runs it.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { adminKey, Edge } from "./support/edge.ts";
import { startHarnessWorker } from "./support/harness-worker.ts";

const program = resolve(import.meta.dirname, "../../deploy/cli/main.ts");

let edge: Edge;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
  edge.region("amsterdam").usageOf = () => ({ promptTokens: 7, completionTokens: 3 });
});
afterAll(async () => edge.stop());

interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function sluice(words: readonly string[], environment: Record<string, string> = {}): Promise<Run> {
  // oxlint-disable-next-line node/no-process-env -- a cache, without which each command compiles all of it anew
  const { NODE_COMPILE_CACHE } = process.env;
  const env = { NODE_COMPILE_CACHE, SLUICE_ADMIN_URL: edge.worker.url, SLUICE_ADMIN_KEY: adminKey, ...environment };
  return new Promise((settle) => {
    execFile(process.execPath, [program, ...words], { env }, (error, stdout, stderr) => {
      settle({ exitCode: error === null ? 0 : 1, stdout, stderr });
    });
  });
}

async function shown(...words: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await sluice(words);
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  return stdout;
}

async function json(...words: readonly string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await shown(...words, "--json")) as Record<string, unknown>;
}

test("a key is made, shown, changed, rotated and revoked", async () => {
  const key = await json("keys", "create", "cli", "--rpm", "5", "--models", "pocket,other", "--expires-in", "1d");
  const [id, value] = [String(key["id"]), String(key["value"])];
  expect(key).toMatchObject({ name: "cli", rpm: 5, models: ["pocket", "other"] });
  expect((await edge.complete(value, {})).status).toBe(200);
  expect(await shown("keys", "list")).toMatch(new RegExp(`^${id} +cli +active`, "m"));
  await shown("keys", "set", id, "--rpm", "none", "--allowlist", "203.0.113.0/24");
  const terms = await shown("keys", "show", id);
  expect(terms).toMatch(/^rpm +-$/m);
  expect(terms).toMatch(/^allowlist +\["203\.0\.113\.0\/24"\]$/m);
  expect(terms).not.toContain(value);
  await shown("keys", "set", id, "--allowlist", "none");
  const rotation = await shown("keys", "rotate", id, "--overlap", "0s");
  expect(rotation).toMatch(new RegExp(`This is key ${id}, which expires \\d{4}-\\d{2}-\\d{2}T`));
  const [rotated = ""] = rotation.split("\n");
  expect((await edge.complete(value, {})).status).toBe(401);
  expect((await edge.complete(rotated, {})).status).toBe(200);
  await shown("keys", "revoke", id);
  expect((await edge.complete(rotated, {})).status).toBe(401);
  expect(await shown("audit", "--target", id, "--type", "api_key.rotated")).toContain("api_key.rotated");
});

test("a key that has expired says so", async () => {
  const { id } = await json("keys", "create", "short", "--expires-in", "1s");
  await vi.waitFor(
    async () => expect(await shown("keys", "list")).toMatch(new RegExp(`^${String(id)} +short +expired`, "m")),
    {
      timeout: 10_000,
      interval: 200,
    },
  );
  expect(await shown("keys", "show", String(id))).toMatch(/^status +expired$/m);
});

test("names cannot write anything but themselves to the terminal", async () => {
  const project = String((await json("projects", "create", "cli-names"))["id"]);
  await shown("keys", "create", "red \u001b[31m\nsecond\u202eline", "--project", project);
  const listed = await shown("keys", "list", "--project", project);
  expect(listed).toContain("red \\u001b[31m\\u000asecond\\u202eline  active");
});

test.each([["help"], ["--help"], ["-h"]])(
  "%s lists all commands, and with the first word of some, these",
  async (word) => {
    expect(await shown(word)).toMatch(/keys create NAME.*issuers add FILE/s);
    expect(await shown("help", "keys")).toMatch(/^ {2}keys revoke ID {2}.*\n\nOptions/m);
    expect(await shown("keys", word === "help" ? "--help" : word)).not.toContain("issuers");
    expect(await shown("keys", "create", word === "help" ? "--help" : word)).toContain("--expires-at 2027-01-31|never");
  },
);

test("a project and its service accounts", async () => {
  const { id } = await json("projects", "create", "cli");
  await shown("projects", "rename", String(id), "cli-2");
  expect(await shown("projects", "list")).toMatch(new RegExp(`^${String(id)} +cli-2 +active`, "m"));
  const limits = await shown("limits", "set", "--project", String(id), "--rpm", "100", "--tokens-per-month", "5000");
  expect(limits).toMatch(/^rpm +100$/m);
  expect(await shown("limits", "show", "--project", String(id))).toBe(limits);
  expect(await shown("limits", "show")).toMatch(/^rpm +-$/m);
  const account = await json("accounts", "create", "batch", "--project", String(id));
  expect(await shown("accounts", "list", "--project", String(id))).toContain("batch");
  await shown("accounts", "delete", String(account["id"]), "--project", String(id));
  await shown("projects", "archive", String(id));
  expect(await shown("projects", "list")).toMatch(/cli-2 +archived/);
});

test("rate limits of a project's models", async () => {
  const { id } = await json("projects", "create", "cli-rates");
  const project = ["--project", String(id)];
  expect(await shown("rate-limits", "set", "maker/large", "--rpm", "100", ...project)).toMatch(/_minute +100$/m);
  expect(await shown("rate-limits", "list", ...project)).toMatch(/^maker\/large +100 +- +-$/m);
  await shown("rate-limits", "set", "maker/large", "--rpm", "none", ...project);
  expect(await shown("rate-limits", "list", ...project)).not.toContain("maker/large");
});

async function exitCodeWith(anAdminKey: string): Promise<number> {
  return (await sluice(["projects", "list"], { SLUICE_ADMIN_KEY: anAdminKey })).exitCode;
}

test("an admin key is changed and rotated", async () => {
  const { id, value } = await json("admin-keys", "create", "cli-admin");
  const changed = await shown("admin-keys", "set", String(id), "--name", "cli-renamed", "--expires-in", "1d");
  expect(changed).toMatch(/^name +cli-renamed$/m);
  const [rotated = ""] = (await shown("admin-keys", "rotate", String(id), "--overlap", "0s")).split("\n");
  expect([await exitCodeWith(String(value)), await exitCodeWith(rotated)]).toEqual([1, 0]);
  await shown("admin-keys", "delete", String(id));
  expect(await exitCodeWith(rotated)).toBe(1);
});

test("networks of the organization and of a project", async () => {
  const set = await shown("networks", "set", "--project", "proj_default", "--denylist", "203.0.113.0/24");
  expect(set).toMatch(/^denylist +\["203\.0\.113\.0\/24"\]$/m);
  expect(await shown("networks", "show", "--project", "proj_default")).toBe(set);
  expect(await shown("networks", "show")).toMatch(/^denylist +-$/m);
  const unsaid = await sluice(["networks", "set", "--project", "proj_default"]);
  expect([unsaid.exitCode, unsaid.stderr]).toEqual([1, expect.stringMatching(/^Say what to set/)]);
  expect(await shown("networks", "show", "--project", "proj_default")).toBe(set);
  await shown("networks", "set", "--project", "proj_default", "--denylist", "none");
  expect(await shown("networks", "show", "--project", "proj_default")).toMatch(/^denylist +-$/m);
});

test("usage by key is a table, a few seconds after the request", async () => {
  const key = await edge.createKey();
  await edge.complete(key.value, {});
  const row = new RegExp(`${key.id} +1 +7 +0 +3$`, "m");
  await vi.waitFor(
    async () => expect(await shown("usage", "--by", "key", "--bucket", "1h", "--since", "1h")).toMatch(row),
    {
      timeout: 25_000,
      interval: 500,
    },
  );
});

test("usage that the log alone has is entered", async () => {
  const { id } = await edge.createKey();
  const owner = { orgId: "org_default", projectId: "proj_default", keyId: id, model: "pocket" };
  const entry = { requestId: "req_lost", ...owner, startedAtMs: Date.now(), receipts: [], missing: [] };
  const lines = [
    { level: "info", event: "request", keyId: id },
    { level: "error", event: "usage entry not queued", entry },
    { level: "error", event: "usage entry of an unknown form dropped", body: { ...entry, requestId: "req_dropped" } },
    { level: "error", event: "usage entry of an unknown form dropped", body: "nonsense" },
  ];
  const folder = await mkdtemp(join(tmpdir(), "sluice-cli-"));
  const file = join(folder, "edge.log");
  await writeFile(file, lines.map((line) => `2026-11-29T00:00:00Z ${JSON.stringify(line)}\n`).join(""));
  expect(await shown("usage", "enter", file)).toBe("2 on their way to the ledger.\n");
  await rm(folder, { recursive: true });
  const row = new RegExp(`${id} +2 +0 +0 +0$`, "m");
  await vi.waitFor(
    async () => expect(await shown("usage", "--by", "key", "--bucket", "1h", "--since", "1h")).toMatch(row),
    {
      timeout: 25_000,
      interval: 500,
    },
  );
});

test("an admin key of the CLI's own making works for it, until deleted", async () => {
  const key = await json("admin-keys", "create", "cli");
  const own = { SLUICE_ADMIN_KEY: String(key["value"]) };
  expect((await sluice(["projects", "list"], own)).exitCode).toBe(0);
  expect(await shown("admin-keys", "list")).toContain(String(key["id"]));
  await shown("admin-keys", "delete", String(key["id"]));
  expect(await sluice(["projects", "list"], own)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("SLUICE_ADMIN_KEY"),
  });
});

test.each([["engines"], ["regions"], ["audit"], ["issuers", "list"]])("%s %s is answered", async (...words) => {
  expect(await shown(...words.filter((word) => word !== undefined))).not.toBe("");
});

test.each([
  { words: ["nonsense"], says: "There is no command nonsense" },
  { words: ["keys", "create"], says: "NAME is missing.\n\nsluice keys create NAME" },
  { words: ["keys", "create", "x", "y"], says: "one argument too many: y" },
  { words: ["keys", "create", "x", "--expires-in", "0d"], says: "expected a value > 0" },
  { words: ["limits", "set"], says: "Say what to set." },
  { words: ["keys", "create", "x", "--rmp", "5"], says: "--rmp" },
  { words: ["keys", "create", "x", "--rpm", "many"], says: "--rpm is a whole number" },
  { words: ["keys", "create", "x", "--expires-in", "long"], says: "--expires-in is a duration" },
  { words: ["keys", "create", "x", "--allowlist", "home"], says: "allowlist[0]': expected a network" },
  { words: ["keys", "show", "0000000000000000"], says: "`sluice keys list`" },
  { words: ["keys", "show", ""], says: "ID is missing." },
  { words: ["keys", "frob"], says: "  keys rotate ID " },
  { words: ["--json", "keys", "list"], says: "Options come after the command." },
  {
    words: ["keys", "list", "--project", "proj_none"],
    says: "no such project. See what there is with `sluice projects list`",
  },
  { words: ["accounts", "list", "--project", "proj_none"], says: "`sluice projects list`" },
  { words: ["accounts", "delete", "none"], says: "`sluice accounts list`" },
  { words: ["admin-keys", "delete", "none"], says: "`sluice admin-keys list`" },
  { words: ["issuers", "delete", "none"], says: "`sluice issuers list`" },
  { words: ["keys", "create", "x", "--expires-at", "1"], says: "--expires-at is a date such as" },
  { words: ["keys", "create", "x", "--expires-at", "2027-02-31"], says: "--expires-at is a date such as" },
  { words: ["keys", "create", "x", "--expires-at", "2027-01-31T12:00"], says: "a time with its zone" },
  { words: ["keys", "create", "x", "--expires-in", "91d"], says: "90 days" },
  { words: ["usage", "enter", "no-such-file"], says: "no-such-file cannot be read" },
  { words: ["limits", "set", "--rpm", "many"], says: "--rpm is a whole number" },
  { words: ["usage", "--by", "colour"], says: "--by is one or more of" },
  { words: ["issuers", "add", "no-such-file"], says: "cannot be read" },
])("$words fails, and says what to do", async ({ words, says }) => {
  const { exitCode, stdout, stderr } = await sluice(words);
  expect([exitCode, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(says);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test("an issuer is added as docs/identity.md shows it, shown with its terms, and deleted", async () => {
  const page = await readFile(resolve(import.meta.dirname, "../../docs/identity.md"), "utf8");
  const [, example = ""] = /```json\n(.*?)```/s.exec(page) ?? [];
  const folder = await mkdtemp(join(tmpdir(), "sluice-cli-"));
  await writeFile(join(folder, "issuer.json"), example);
  const id = String((await json("issuers", "add", join(folder, "issuer.json")))["id"]);
  await rm(folder, { recursive: true });
  expect(await json("issuers", "show", id)).toMatchObject(JSON.parse(example) as object);
  const text = await shown("issuers", "show", id);
  expect(text).toMatch(/^tenant_claim +org\.id$/m);
  expect(text).toMatch(/^terms +\{"rpm":60,"tpm":20000,/m);
  await shown("issuers", "delete", id);
  expect((await sluice(["issuers", "show", id])).stderr).toBe(
    "There is no such issuer. See what there is with `sluice issuers list`.\n",
  );
});

test("an edge that is not there, and a wrong key, are told apart", async () => {
  const gone = await sluice(["engines"], { SLUICE_ADMIN_URL: "http://127.0.0.1:1" });
  expect(gone.stderr).toMatch(/cannot be reached: \w.+\. Check SLUICE_ADMIN_URL\.\n$/);
  const wrong = await sluice(["engines"], { SLUICE_ADMIN_KEY: "wrong" });
  expect(wrong.stderr).toContain("SLUICE_ADMIN_KEY");
  const none = await sluice(["engines"], { SLUICE_ADMIN_KEY: adminKey, SLUICE_ADMIN_URL: "nowhere" });
  expect(none.stderr).toContain("is not a URL");
});
