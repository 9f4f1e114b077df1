import { expect, test } from "vitest";
import { cpuMsOf } from "./process-cpu.ts";

test.skipIf(process.platform !== "linux")("counts what a process computes, as the process itself does", () => {
  const before = { ofBench: cpuMsOf(process.pid), own: process.cpuUsage() };
  let sum = 0;
  for (let index = 0; index < 3e7; index += 1) sum += Math.sqrt(index);
  expect(sum).toBeGreaterThan(0);
  const { user, system } = process.cpuUsage(before.own);
  const ownMs = (user + system) / 1e3;
  expect(Math.abs(cpuMsOf(process.pid) - before.ofBench - ownMs)).toBeLessThan(ownMs / 2);
});
