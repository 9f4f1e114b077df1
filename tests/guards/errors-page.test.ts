// docs/errors.md says of every code what the code's row says.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { errorTable } from "@sluice/shared/errors.ts";
import { expect, test } from "vitest";

const page = await readFile(path.join(import.meta.dirname, "../../docs/errors.md"), "utf8");

type Rows = Readonly<Record<string, { httpStatus: number; type: string; retryable: boolean; publicText: string }>>;

/** Rows of the table that the page does not have, in the table's order. */
function missingRows(table: Rows): string[] {
  const rows = Object.entries(table).map(
    ([code, { httpStatus, type, retryable, publicText }]) =>
      `| \`${code}\` | ${httpStatus} | \`${type}\` | ${retryable ? "yes" : "no"} | ${publicText} |`,
  );
  return rows.filter((row) => !page.split("\n").includes(row));
}

test("every code is on the page as it is answered", () => {
  expect(missingRows(errorTable)).toEqual([]);
});

test("the page has no other codes", () => {
  const codes = page.matchAll(/^\| `(\w+)` \| \d/gm).map(([, code = ""]) => code);
  expect([...codes].toSorted()).toEqual(Object.keys(errorTable).toSorted());
});

test("a row that changed is seen", () => {
  const { not_found: row } = errorTable;
  expect(missingRows({ not_found: row })).toEqual([]);
  expect(missingRows({ not_found: { ...row, httpStatus: 410 } })).toHaveLength(1);
});
