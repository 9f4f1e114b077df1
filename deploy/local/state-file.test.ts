import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import * as z from "zod";
import { readStateFile, writeStateFile } from "./state-file.ts";

const schema = z.object({ secret: z.string() });
let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "sluice-state-"));
  file = path.join(folder, "secrets.json");
});
afterEach(async () => rm(folder, { recursive: true }));

test("what is written is read, by its owner alone, and nothing else is left", async () => {
  await writeStateFile(file, JSON.stringify({ secret: "a" }));
  await writeStateFile(file, JSON.stringify({ secret: "b" }));
  expect(await readStateFile(file, schema, "")).toEqual({ secret: "b" });
  expect((await stat(file)).mode & 0o077).toBe(0);
  expect(await readdir(folder)).toEqual(["secrets.json"]);
});

test("a file that is not there says nothing", async () => {
  expect(await readStateFile(file, schema, "")).toBeUndefined();
});

test.each(["", "garb-age", '{"secret":', "{}", "[]"])("of %j is told the file, and what to do", async (text) => {
  await writeFile(file, text);
  const said = await readStateFile(file, schema, "Remove it.").then(String, ({ message }: Error) => message);
  expect(said).toBe(`${file} is damaged, or of another version. Remove it.`);
});
