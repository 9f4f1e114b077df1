// Kills real processes of a stack of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { descendants } from "./descendants.ts";
import { findFreePort, isRunning, type RunningStack, spawnStack, startStack, type StackFile } from "./start-stack.ts";

let running: RunningStack;
let stack: StackFile;
let client: OpenAI;
/** Of the other stacks, one after another. */
let port: string;

beforeAll(async () => {
  running = await startStack();
  port = String(await findFreePort());
  stack = await running.stackFile();
  client = new OpenAI({ baseURL: stack.baseUrl, apiKey: stack.apiKey, maxRetries: 0 });
});
afterAll(() => running.dispose());

interface Counting {
  /** Resolves with the region that answers, when the first text has arrived. */
  readonly started: Promise<string | null>;
  /** The whole answer; rejects when the stream ends with an error. */
  readonly answer: Promise<string>;
}

function countToSixty(): Counting {
  const started = Promise.withResolvers<string | null>();
  const answer = (async () => {
    let text = "";
    const { data: stream, response } = await client.chat.completions
      .create({
        model: stack.model,
        temperature: 0,
        stream: true,
        max_tokens: 400,
        messages: [{ role: "user", content: "Count from 1 to 60." }],
      })
      .withResponse();
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (text !== "") started.resolve(response.headers.get("x-sluice-region"));
    }
    return text;
  })();
  answer.catch(started.reject);
  started.promise.catch(() => {}); // Whoever awaits `answer` hears of it.
  return { started: started.promise, answer };
}

/** Resolves once every region says that it is healthy. */
async function servesAgain(): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const outcomes = await Promise.allSettled(stack.regions.map(({ ingressUrl }) => fetch(`${ingressUrl}/health`)));
    if (outcomes.every((outcome) => outcome.status === "fulfilled" && outcome.value.ok)) return;
    if (performance.now() > deadline) throw new Error("a region did not come back");
    await sleep(100);
  }
}

describe.each([
  ["ingress", 0],
  ["engine", 1],
] as const)("when an %s is killed", (_, place) => {
  it("ends only its own streams, with an error, and the next request is answered by the other region", async () => {
    const expected = await countToSixty().answer;
    expect(expected).toContain("59");
    let numBroken = 0;
    for (const region of (await running.stackFile()).regions) {
      const streams = Array.from({ length: 4 }, countToSixty);
      const servedBy = await Promise.all(streams.map(({ started }) => started));
      process.kill(region.pids[place] ?? 0, "SIGKILL");
      const outcomes = await Promise.allSettled(streams.map(({ answer }) => answer));
      // A stream ends with an error or with the whole answer: never cleanly on half of it.
      const whole = outcomes.filter((outcome) => outcome.status === "fulfilled").map(({ value }) => value);
      expect(new Set([expected, ...whole]).size).toBe(1);
      const brokenIn = servedBy.filter((_, index) => outcomes[index]?.status === "rejected");
      expect(brokenIn.filter((id) => id !== region.id)).toEqual([]);
      numBroken += brokenIn.length;
      expect(await countToSixty().answer).toBe(expected); // While one region is down.
      await servesAgain();
    }
    expect(numBroken).toBeGreaterThan(0); // At least one of the two regions was busy when it died.
    expect(running.output()).toMatch(/(ingress|engine) eu-west ended with SIGKILL and is started again; see .*\.log/);
    expect(await countToSixty().answer).toBe(expected);
  });
});

describe("a second stack", () => {
  it("is refused on a busy port, with a way out", async () => {
    const { code, output } = await runToEnd({
      SLUICE_STATE: `${running.stateDir}/other`,
      SLUICE_PORT: new URL(stack.baseUrl).port,
    });
    expect(code).toBe(1);
    expect(output).toMatch(/Port \d+ is in use.*SLUICE_PORT=/s);
  });

  it("is refused in the same state directory, also while the first one starts", async () => {
    const { code, output } = await runToEnd({ SLUICE_STATE: running.stateDir, SLUICE_PORT: port });
    expect(code).toBe(1);
    expect(output).toContain("A stack already runs");
    const starting = spawnStack({ SLUICE_STATE: `${running.stateDir}/starting`, SLUICE_PORT: port });
    await once(starting.stdout ?? starting, "data"); // It has its model, and begins.
    const second = await runToEnd({
      SLUICE_STATE: `${running.stateDir}/starting`,
      SLUICE_PORT: String(await findFreePort()),
    });
    expect(second.code).toBe(1);
    expect(second.output).toContain("is being started");
    starting.kill("SIGINT");
    expect(await once(starting, "close")).toEqual([0, null]);
  });

  it("names a model that is not there", async () => {
    const { code, output } = await runToEnd({
      SLUICE_STATE: `${running.stateDir}/other`,
      SLUICE_PORT: port,
      SLUICE_MODEL: "no/such/model",
    });
    expect(code).toBe(1);
    expect(output).toContain("no/such/model");
  });
});

describe("what cannot start", () => {
  it("is told once, with what its process said", async () => {
    const { code, output } = await runToEnd({
      SLUICE_STATE: `${running.stateDir}/parser`,
      SLUICE_PORT: port,
      SLUICE_TOOL_CALL_PARSER: "unheard-of",
    });
    expect(code).toBe(1);
    expect(output).toMatch(
      /ingress [\w-]+ ended while starting\. From its log, .+\.log:\ningress: SLUICE_TOOL_CALL_PARSER: .+\n$/,
    );
  });

  it("names a state directory that cannot be written", async () => {
    const { code, output } = await runToEnd({
      SLUICE_STATE: path.join(running.stateDir, "demo-key"),
      SLUICE_PORT: port,
    });
    expect(code).toBe(1);
    expect(output).toMatch(/demo-key cannot be written: ENOTDIR.*SLUICE_STATE=/);
  });
});

describe("npm start", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("that gets %s leaves nothing running", async (signal) => {
    const child = spawn("npm", ["start"], {
      cwd: path.join(import.meta.dirname, "../.."),
      env: {
        ...process.env,
        NODE_DISABLE_COMPILE_CACHE: "1", // npm's would lie in the temporary folder.
        SLUICE_STATE: `${running.stateDir}/npm`,
        SLUICE_PORT: port,
      },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const closed = once(child, "close");
    const pids = await startedBy(child);
    child.kill(signal);
    await closed;
    await vi.waitFor(async () => expect(await Promise.all(pids.map(isRunning))).toEqual(pids.map(() => false)), {
      timeout: 20_000,
      interval: 100,
    });
  });
});

describe("a supervisor whose output nobody reads any longer", () => {
  it("takes its processes with it", async () => {
    const child = spawnStack({ SLUICE_STATE: `${running.stateDir}/unread`, SLUICE_PORT: port });
    const closed = once(child, "close");
    const pids = await startedBy(child);
    child.stdout?.destroy();
    await closed;
    for (const pid of pids) expect(await isRunning(pid), `process ${pid}`).toBe(false);
  });
});

describe("Ctrl-C", () => {
  it("leaves nothing running while the engines load and the database is migrated", async () => {
    const child = spawnStack({ SLUICE_STATE: `${running.stateDir}/interrupted`, SLUICE_PORT: port });
    const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
    const pids = await startedBy(child);
    child.kill("SIGINT");
    expect(await closed).toBe(0);
    for (const pid of pids) expect(await isRunning(pid), `process ${pid}`).toBe(false);
  });

  it("leaves nothing running", async () => {
    const last = await running.stackFile();
    const group = await descendants(last.edgePid);
    expect(await running.interrupt()).toBe(0);
    const pids = [last.edgePid, ...group, ...last.regions.flatMap(({ pids }) => pids)];
    for (const pid of pids) expect(await isRunning(pid), `process ${pid}`).toBe(false);
    await expect(running.stackFile()).rejects.toThrow("ENOENT");
  });
});

/** Engines and ingresses of two regions, wrangler and what it starts, once all are there. */
async function startedBy(child: ChildProcess): Promise<number[]> {
  return vi.waitFor(
    async () => {
      const started = await descendants(child.pid ?? 0);
      expect(started.length).toBeGreaterThan(5);
      return started;
    },
    { timeout: 10_000, interval: 20 },
  );
}

async function runToEnd(env: NodeJS.ProcessEnv): Promise<{ code: number | null; output: string }> {
  const child = spawnStack(env);
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output };
}
