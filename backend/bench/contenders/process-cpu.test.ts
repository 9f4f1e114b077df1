import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { cpuMsOf } from "./process-cpu.ts";

/** A process, and another under it, each of which computes for 150 ms of its processor time and then stays. */
const burner = `
  const burn = () => { while (process.cpuUsage().user < 150_000); };
  const child = require("node:child_process").spawn(process.execPath, ["-e", "(" + burn + ")(); console.log(); setInterval(() => {}, 1e6)"]);
  child.stdout.once("data", () => { burn(); console.log(child.pid); });
  process.once("SIGTERM", () => { child.kill(); process.exit(); });
`;

test.skipIf(process.platform !== "linux")("time of a process counts that of the processes under it", async () => {
  const parent = spawn(process.execPath, ["-e", burner]);
  try {
    const [pid] = (await once(parent.stdout, "data")) as [Buffer];
    const [whole, part] = [cpuMsOf(parent.pid ?? 0), cpuMsOf(Number(pid.toString()))];
    expect(part).toBeGreaterThanOrEqual(140);
    expect(whole - part).toBeGreaterThanOrEqual(140);
  } finally {
    parent.kill();
  }
});
