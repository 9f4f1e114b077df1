import { mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { finished } from "node:stream/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BoundedLog, olderLogOf } from "./bounded-log.ts";

const maxBytes = 20_000;
let folder: string;
let file: string;
let troubles: string[];

beforeEach(async () => {
  troubles = [];
  folder = await mkdtemp(path.join(tmpdir(), "sluice-log-"));
  file = path.join(folder, "edge.log");
});
afterEach(async () => rm(folder, { recursive: true }));

const open = (): BoundedLog => new BoundedLog(file, maxBytes, (text) => troubles.push(text));

async function write(pieces: readonly string[]): Promise<void> {
  const log = open();
  for (const piece of pieces) log.write(piece);
  log.end();
  await finished(log);
}

async function linesOf(name: string): Promise<string[]> {
  return (await readFile(name, "utf8")).split("\n").filter((line) => line !== "");
}

test("however much is written, both files stay within the bound, and hold the last lines without a gap", async () => {
  const lines = Array.from({ length: 50_000 }, (_, index) => JSON.stringify({ index }));
  // Pieces end anywhere, as those of a pipe do.
  const text = lines.map((line) => `${line}\n`).join("");
  await write(text.match(/.{1,997}/gs) ?? []);
  const [newer, older] = [await stat(file), await stat(olderLogOf(file))];
  expect(newer.size + older.size).toBeLessThanOrEqual(maxBytes + 1_000);
  expect(newer.size + older.size).toBeGreaterThanOrEqual(maxBytes / 2 - 1_000);
  const kept = [...(await linesOf(olderLogOf(file))), ...(await linesOf(file))];
  expect(kept).toEqual(lines.slice(-kept.length));
  expect(troubles).toEqual([]);
});

test("a line without end does not grow a file either", async () => {
  await write(Array.from({ length: 100 }, () => "x".repeat(1_000)));
  expect((await stat(file)).size).toBeLessThanOrEqual(maxBytes / 2);
  expect((await stat(olderLogOf(file))).size).toBeLessThanOrEqual(maxBytes / 2);
});

test("what fits is in one file, for its owner alone, and the last run's stays beside it", async () => {
  await write(["one\n", "two\n"]);
  expect(await linesOf(file)).toEqual(["one", "two"]);
  await write(["three\n"]);
  expect(await linesOf(file)).toEqual(["three"]);
  expect(await linesOf(olderLogOf(file))).toEqual(["one", "two"]);
  expect((await stat(file)).mode & 0o077).toBe(0);
});

test("what cannot be written is told once and fails nothing, and writing goes on when it can", async () => {
  await mkdir(file);
  await mkdir(path.join(olderLogOf(file), "in the way"), { recursive: true });
  const log = open();
  log.write("lost\n");
  log.write("lost, too\n");
  expect(troubles).toEqual([expect.stringContaining(`${file} cannot be written, and lines are lost: `)]);
  await rm(olderLogOf(file), { recursive: true });
  log.write("kept\n");
  log.end();
  await finished(log);
  expect(await linesOf(file)).toEqual(["kept"]);
  expect(troubles).toHaveLength(1);
});
