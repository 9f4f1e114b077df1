// docs/operations.md makes what wrangler.toml names, and sets every secret that the edge cannot do without.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.join(import.meta.dirname, "../..");

/** What of the deployment the page forgets. */
function missingFrom(page: string, deployment: string, config: string): string[] {
  const valuesOf = (name: string) =>
    [...deployment.matchAll(new RegExp(`^${name} = "([^"]+)"`, "gm"))].map(([, value]) => value);
  const secrets = [...config.matchAll(/^ {2}([A-Z_]+): (?:secret|jsonText\()/gm)].map(([, name]) => name);
  const commands = [
    ...valuesOf("database_name").map((name) => `wrangler d1 create ${name}`),
    ...valuesOf("bucket_name").map((name) => `wrangler r2 bucket create ${name}`),
    ...valuesOf("queue").map((name) => `wrangler queues create ${name}`),
    ...valuesOf("dead_letter_queue").map((name) => `wrangler queues create ${name}`),
    ...secrets.filter((name) => name !== "REGIONS").map((name) => `wrangler secret put ${name}`),
  ];
  return [...new Set(commands)].filter((command) => !new RegExp(`${command}(?![\\w-])`).test(page));
}

const [page, deployment, config] = await Promise.all(
  ["docs/operations.md", "wrangler.toml", "edge/src/config.ts"].map(async (name) =>
    readFile(path.join(root, name), "utf8"),
  ),
);

test("the page makes everything that a deployment needs", () => {
  expect(missingFrom(page ?? "", deployment ?? "", config ?? "")).toEqual([]);
});

test.each(["d1 create sluice", "queues create sluice-usage", "secret put RECEIPT_SECRET"])(
  "without %s it would be found",
  (command) => {
    const other = page?.replace(new RegExp(`${command}$|${command}(?= )`, "m"), "") ?? "";
    expect(missingFrom(other, deployment ?? "", config ?? "")).toEqual([`wrangler ${command}`]);
  },
);
