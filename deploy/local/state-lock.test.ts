import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockState } from "./state-lock.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "sluice-lock-"));
});
afterEach(async () => rm(folder, { recursive: true }));

/** Holds the lock as the local stack's supervisor does, by a command line that says so. */
async function holdElsewhere(): Promise<{ readonly pid: number; kill(): Promise<void> }> {
  const holder = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1000)", "deploy/local/main.ts"]);
  await once(holder.stdout, "data");
  const { pid = 0 } = holder;
  await writeFile(path.join(folder, "supervisor.pid"), `${pid}\n`);
  return {
    pid,
    kill: async () => {
      holder.kill("SIGKILL");
      await once(holder, "exit");
    },
  };
}

test("one process has the directory at a time, and gives it back", async () => {
  const holder = await holdElsewhere();
  await expect(lockState(folder)).rejects.toThrow(`A stack already runs from ${folder}, or is being started`);
  await holder.kill();
  const unlock = await lockState(folder);
  await unlock();
  expect(await readdir(folder)).toEqual([]);
});

test("a number that another program has by now holds nothing", async () => {
  await writeFile(path.join(folder, "supervisor.pid"), "1\n");
  const unlock = await lockState(folder);
  expect(await readFile(path.join(folder, "supervisor.pid"), "utf8")).toBe(`${process.pid}\n`);
  await unlock();
});

test("a damaged lock is named, with what to do", async () => {
  await writeFile(path.join(folder, "supervisor.pid"), "");
  await expect(lockState(folder)).rejects.toThrow(/supervisor\.pid is damaged.*remove it/);
});
