// Commands of `npm run sluice` that the pages show are commands that there are, with options that they take.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { commands } from "./commands.ts";

const root = path.join(import.meta.dirname, "../..");

/** What a line of a page asks for: `keys create ci --rpm 60` after `npm run -s sluice -- `. */
const shownPattern = /npm run (?:-s )?sluice -- ([^\n`]+)/g;

/** What of a shown command there is not: the command itself, or its options. */
function faultsOf(shown: string): string[] {
  const words = shown.trim().split(" ");
  if (/^(help|--help|COMMAND)$/.test(words[0] ?? "")) return [];
  const name = [words.slice(0, 2).join(" "), words[0] ?? ""].find((one) => one in commands);
  if (name === undefined) return [shown];
  const known = ["--help", "--json", ...Object.keys(commands[name]?.options ?? {}).map((option) => `--${option}`)];
  return words.filter((word) => word.startsWith("--") && !known.includes(word)).map((option) => `${name} ${option}`);
}

async function shownIn(page: string): Promise<string[]> {
  const text = await readFile(path.join(root, page), "utf8");
  return [...text.matchAll(shownPattern)].map(([, shown = ""]) => shown);
}

test("pages show commands that there are", async () => {
  const docs = (await readdir(path.join(root, "docs"))).filter((name) => name.endsWith(".md"));
  const shown = (await Promise.all(["README.md", ...docs.map((name) => `docs/${name}`)].map(shownIn))).flat();
  expect(shown.length).toBeGreaterThan(9);
  expect(shown.flatMap(faultsOf)).toEqual([]);
});

test.each(["keys make ci", "keys create ci --rmp 60"])("%s would be found", (shown) => {
  expect(faultsOf(shown)).toHaveLength(1);
});
