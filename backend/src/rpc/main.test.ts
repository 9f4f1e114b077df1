// The engine as a process of its own, on the embedded model.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client, credentials, status } from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";
import { generateRequest, startGenerate, untilEnd } from "./loopback-engine.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const entry = fileURLToPath(new URL("./main.ts", import.meta.url));

let child: ChildProcess | undefined;
afterEach(() => child?.kill("SIGKILL"));

test("loads, serves, drains on SIGTERM and exits with 0", async () => {
  const { logLine, exitCode } = start({ SLUICE_MODEL_DIR: `${root}models/pocket`, SLUICE_NUM_BLOCKS: "64" });
  const { port } = await logLine("listening");
  await logLine("model loaded");
  const client = new Client(`127.0.0.1:${Number(port)}`, credentials.createInsecure());
  const stopping = { maxTokens: 1_000, stopTokenIds: [] };
  const call = startGenerate(client, generateRequest("a", { stopping }));
  const ended = untilEnd(call);
  await once(call, "data");
  child?.kill("SIGTERM");
  await logLine("shutting down");
  const late = await untilEnd(startGenerate(client, generateRequest("b")));
  expect(late.error?.code).toBe(status.UNAVAILABLE);
  const { tokenIds, error } = await ended;
  expect(error).toBeUndefined();
  expect(tokenIds).toHaveLength(1_000);
  expect(await exitCode).toBe(0);
  client.close();
});

test("what runs is told to nobody: nothing is written but to its cache", async () => {
  const home = await mkdtemp(join(tmpdir(), "sluice-home-"));
  const { logLine, exitCode } = start({ SLUICE_MODEL_DIR: `${root}models/pocket`, HOME: home, TMPDIR: home });
  await logLine("model loaded");
  child?.kill("SIGTERM");
  expect(await exitCode).toBe(0);
  expect(await readdir(home)).toEqual([]);
  await rm(home, { recursive: true });
});

test("exits with 1 when its port is in use, after saying so", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { logLine, exitCode } = start({ SLUICE_MODEL_DIR: `${root}models/pocket`, SLUICE_ENGINE_PORT: String(port) });
  expect(await logLine("cannot listen")).toMatchObject({ port, detail: expect.stringContaining("EADDRINUSE") });
  expect(await exitCode).toBe(1);
  other.close();
});

test("exits with 1 when the model cannot be loaded, after saying why and what to do", async () => {
  const { logLine, exitCode } = start({ SLUICE_MODEL_DIR: "/nowhere" });
  const detail = "/nowhere: no config.json; name the directory of a Hugging Face checkpoint";
  const line = await logLine("the model cannot be loaded");
  expect(line).toMatchObject({ level: 60, detail });
  expect(line).not.toHaveProperty("err");
  expect(await exitCode).toBe(1);
});

test("exits with 1 and one line when a setting is wrong", async () => {
  const { errorText, exitCode } = start({ SLUICE_MODEL_DIR: "x", SLUICE_ENGINE_PORT: "none" });
  expect(await exitCode).toBe(1);
  expect(await errorText).toBe("SLUICE_ENGINE_PORT: must be a whole number\n");
});

function start(settings: Record<string, string>) {
  const started = spawn(process.execPath, [entry], {
    env: { SLUICE_ENGINE_PORT: "0", SLUICE_CACHE_DIR: `${root}.sluice/cache`, ...settings },
  });
  child = started;
  const lines = createInterface(started.stdout)[Symbol.asyncIterator]();
  /** The next log line that begins with this message. */
  const logLine = async (message: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`the process ended before it said: ${message}`);
      const line = JSON.parse(value);
      if (String(line.msg).startsWith(message)) return line;
    }
  };
  const exitCode = once(started, "exit").then(([code]) => code as number);
  const errorText = started.stderr.toArray().then((chunks) => Buffer.concat(chunks).toString());
  return { logLine, exitCode, errorText };
}
