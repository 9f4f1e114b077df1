// What is charged, and what the ledger says, is what the engines counted, whatever becomes of a request.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createBudgetKey, numCharged, numInLedger } from "./charges.ts";
import { readMetric } from "./metrics.ts";
import { type RunningStack, startStack, type StackFile } from "./start-stack.ts";

const numRequests = 1_000;
const numAtOnce = 12;
const budgetTokens = 10_000_000;
const startS = Math.floor(Date.now() / 1000);

let running: RunningStack;
let stack: StackFile;
let key: string;

beforeAll(async () => {
  running = await startStack();
  stack = await running.stackFile();
  key = await createBudgetKey(stack, budgetTokens, { concurrency: 64 });
});
afterAll(() => running.dispose());

interface LogLine {
  readonly requestId: string;
  readonly usage: { readonly totalTokens?: number };
}

/** What callers who stayed were told. requestId -> total tokens */
const told = new Map<string, number>();
let numLeft = 0;

/** A small generator, so that a failing mix can be run again. */
let seed = 20_261_124;
function draw(below: number): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed % below;
}

async function post(route: string, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${stack.baseUrl}${route}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: stack.model, ...body }),
    signal: signal ?? null,
  });
}

/** One request of some kind, which its caller leaves in some phase, or not. */
async function askSomething(): Promise<void> {
  const max_tokens = 4 + draw(40);
  const messages = [{ role: "user", content: `Count from ${draw(9)} to ${20 + draw(30)}.` }];
  const kinds = [
    {
      route: "/chat/completions",
      body: { messages, max_tokens, stream: true, stream_options: { include_usage: true } },
    },
    { route: "/chat/completions", body: { messages, max_tokens, n: 1 + draw(3) } },
    {
      route: "/chat/completions",
      body: { messages, stream: true, stop: ["5"], max_tokens, stream_options: { include_usage: true } },
    },
    { route: "/completions", body: { prompt: ["One two", "Three"], max_tokens } },
  ];
  const { route, body } = kinds[draw(kinds.length)] ?? { route: "", body: {} };
  const leaving = new AbortController();
  const phase = draw(5);
  // Before the headers, some time after them, or (three in five) never.
  const timer = phase < 2 ? setTimeout(() => leaving.abort(), phase === 0 ? draw(30) : 30 + draw(250)) : undefined;
  try {
    const response = await post(route, body, leaving.signal);
    const text = await response.text();
    const total = Number(/"total_tokens":\s?(\d+)/.exec(text)?.[1]);
    told.set(response.headers.get("x-request-id") ?? "", total);
  } catch {
    numLeft += 1;
  } finally {
    clearTimeout(timer);
  }
}

/** requestId -> tokens charged; undefined when nobody could count them */
async function billedRequests(): Promise<Map<string, number | undefined>> {
  const log = await readFile(path.join(running.stateDir, "logs", "edge.log"), "utf8");
  const lines = log.split("\n").filter((line) => line.includes('"event":"request"') && line.includes('"usage":'));
  const requests = lines.map((line) => JSON.parse(line.slice(line.indexOf("{"))) as LogLine);
  return new Map(requests.map(({ requestId, usage }) => [requestId, usage.totalTokens]));
}

async function numEngineTokens(): Promise<number> {
  const names = ["vllm:prompt_tokens_total", "vllm:generation_tokens_total"];
  const counts = await Promise.all(
    stack.regions.flatMap(({ metricsUrl }) => names.map((name) => readMetric(metricsUrl, name))),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

it(`charges exactly what the receipts say over ${numRequests} mixed requests with callers who leave`, async () => {
  const before = await numEngineTokens();
  let numAsked = 0;
  const ask = async () => {
    while (numAsked < numRequests) {
      numAsked += 1;
      await askSomething();
    }
  };
  await Promise.all(Array.from({ length: numAtOnce }, ask));

  // A caller who left at once may not have got in; of everybody else there is a line, and at last all are settled.
  const deadline = performance.now() + 40_000;
  let billed = new Map<string, number | undefined>();
  let sum = Number.NaN;
  let charged = 0;
  while (charged !== sum && performance.now() < deadline) {
    await sleep(200);
    charged = await numCharged(stack, key, budgetTokens);
    billed = await billedRequests();
    sum = [...billed.values()].reduce<number>((total, tokens) => total + (tokens ?? Number.NaN), 0);
  }
  expect(charged).toBe(sum);
  expect(billed.size).toBeGreaterThan(numRequests - 20);
  expect(numLeft).toBeGreaterThan(30);
  expect(told.size).toBeGreaterThan(80);
  for (const [requestId, total] of told) expect(billed.get(requestId), requestId).toBe(total);

  await expect.poll(async () => numInLedger(stack, startS), { timeout: 20_000, interval: 500 }).toBe(sum);

  // What an engine computed before it heard that a caller had left, or that a stop string was there, is nobody's: never
  // billed, and little.
  const computed = (await numEngineTokens()) - before;
  expect(sum).toBeLessThanOrEqual(computed);
  expect(computed - sum).toBeLessThan(computed / 20);
}, 180_000);
