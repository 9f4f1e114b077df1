// docs/guarantees.md names tests that exist.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";

const docs = path.join(import.meta.dirname, "../../docs");
const rowPattern = /^\| (?!-)(.+) \|$/;
const linkPattern = /\[((?:[^[\]]|\[\w+\])+)\]\(([^)]+)\)/g;

/** The rows' last cells, and what is wrong with them: no test, a file that is not there, or a name that it does not have. */
async function faultsOf(page: string): Promise<string[]> {
  const rows = page.split("\n").flatMap((line) => rowPattern.exec(line)?.[1] ?? []);
  const cells = rows.map((row) => row.split(" | ")).filter(([first]) => first !== "what goes wrong elsewhere");
  const faults = cells.map(async (columns) => {
    const links = [...(columns[2] ?? "").matchAll(linkPattern)];
    if (columns.length !== 3 || links.length === 0) return [`no test: ${columns[0]}`];
    const checks = links.map(async ([, name = "", file = ""]) =>
      (await hasTest(file, name)) ? [] : [`${file}: ${name}`],
    );
    return (await Promise.all(checks)).flat();
  });
  return (await Promise.all(faults)).flat();
}

/** Whether the file has a text that the name is, or begins, or follows a number of requests in. */
async function hasTest(file: string, name: string): Promise<boolean> {
  const source = await readFile(path.join(docs, file), "utf8").catch(() => "");
  return ['"', "`", "} "].some((before) => source.includes(before + name));
}

test("each guarantee is held by tests that are there", async () => {
  const page = await readFile(path.join(docs, "guarantees.md"), "utf8");
  expect(await faultsOf(page)).toEqual([]);
  expect([...page.matchAll(linkPattern)].length).toBeGreaterThan(60);
});

test.each([
  { what: "no test", row: "| a | b | c |", fault: "no test: a" },
  {
    what: "another name",
    row: "| a | b | [no such name](../edge/src/app.test.ts) |",
    fault: "../edge/src/app.test.ts: no such name",
  },
  { what: "no such file", row: "| a | b | [each](../edge/no.test.ts) |", fault: "../edge/no.test.ts: each" },
])("a row with $what is seen", async ({ row, fault }) => {
  expect(await faultsOf(row)).toEqual([fault]);
});
