import { expect, test } from "vitest";
import { BenchChild } from "./child-process.ts";

test("a line is found as soon as it is written", async () => {
  const child = new BenchChild(process.execPath, ["-e", "console.log('port 7'); setInterval(() => {}, 1e6)"]);
  expect(await child.find((line) => /port (\d)/.exec(line)?.[1])).toBe("7");
  await child.stop();
  expect(child.process.signalCode).toBe("SIGTERM");
});

test("whoever waits for a process that dies gets its last words", async () => {
  const child = new BenchChild(process.execPath, ["-e", "console.error('no memory'); process.exitCode = 3"]);
  await expect(child.find(() => undefined)).rejects.toThrow(/ended \(3\):\n.*no memory/s);
});

test("a command that does not exist is an error that names it", async () => {
  expect(() => new BenchChild("/no/such/server", [])).toThrow("/no/such/server");
});
