import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { setup } from "../temporary-files.ts";

it("lets a run pass that removes what it makes", async () => {
  const outer = tmpdir();
  const tearDown = await setup();
  const folder = tmpdir();
  await rm(await mkdtemp(path.join(folder, "mine-")), { recursive: true });
  await mkdir(path.join(folder, "miniflare-1"));
  await writeFile(path.join(folder, "mat-debug-1.log"), "");
  await tearDown();
  expect(existsSync(folder)).toBe(false);
  expect(tmpdir()).toBe(outer);
});

it("fails a run that leaves a folder, and removes it", async () => {
  const tearDown = await setup();
  const left = await mkdtemp(path.join(tmpdir(), "mine-"));
  await expect(tearDown()).rejects.toThrow(path.basename(left));
  expect(existsSync(left)).toBe(false);
});
