import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { runningAmong } from "./running-among.ts";

it("tells who runs from who has ended, also while nobody has asked how", async () => {
  // Says the id of a child that ends later, and becomes a program that never asks how.
  const parent = spawn("sh", ["-c", "sleep 1 & echo $!; exec sleep 60"]);
  const [line] = (await once(createInterface(parent.stdout), "line")) as [string];
  const zombie = Number(line);
  const { pid = 0 } = parent;
  await expect.poll(async () => runningAmong([pid, zombie], /sleep/), { timeout: 10_000 }).toEqual([pid]);
  // The process table still has it.
  expect(process.kill(zombie, 0)).toBe(true);
  parent.kill("SIGKILL");
  await once(parent, "exit");
  expect(await runningAmong([pid], /sleep/)).toEqual([]);
});

it("does not take what another program runs under such a number for a part of the stack", async () => {
  const other = spawn("sleep", ["60"]);
  const own = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1000)", "backend/src/rpc/main.ts"]);
  await once(own.stdout, "data");
  expect(await runningAmong([other.pid ?? 0, own.pid ?? 0])).toEqual([own.pid]);
  for (const child of [other, own]) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});
