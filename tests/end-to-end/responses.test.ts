// What responses cost, and what is left of them when the edge is killed: on a stack of its own.
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBudgetKey, numCharged, numInLedger } from "./charges.ts";
import { descendants } from "./descendants.ts";
import { type RunningStack, startStack, type StackFile } from "./start-stack.ts";

const budgetTokens = 10_000_000;
const startS = Math.floor(Date.now() / 1000);

let running: RunningStack;
let stack: StackFile;
let key: string;
let client: OpenAI;

beforeAll(async () => {
  running = await startStack();
  stack = await running.stackFile();
  key = await createBudgetKey(stack, budgetTokens);
  client = new OpenAI({ baseURL: stack.baseUrl, apiKey: key, maxRetries: 0 });
});
afterAll(() => running.dispose());

const ask = (input: string) => ({ model: stack.model, temperature: 0, input, max_output_tokens: 40 });
/** Runs until it is stopped, as far as a test can see. */
const endless = () => ({ ...ask("Count from 1 to 60."), ignore_eos: true, max_output_tokens: 1_500 });

async function ended(id: string): Promise<OpenAI.Responses.Response> {
  for (;;) {
    const response = await client.responses.retrieve(id);
    if (response.status !== "queued" && response.status !== "in_progress") return response;
    await sleep(50);
  }
}

const charged = async (): Promise<number> => numCharged(stack, key, budgetTokens);
const inLedger = async (): Promise<number> => numInLedger(stack, startS);
const patience = { timeout: 30_000, interval: 250 };

describe("responses", () => {
  it("are charged what they say, in every form, and the ledger agrees", async () => {
    const whole = await client.responses.create(ask("Count from 1 to 9."));
    const streamed = await client.responses.stream(ask("Count from 2 to 9.")).finalResponse();
    const next = await client.responses.create({ ...ask("And from 3 to 9."), previous_response_id: whole.id });
    const background = await client.responses.create({ ...ask("Count from 4 to 9."), background: true });
    const followed = await client.responses.stream({ ...ask("Count from 5 to 9."), background: true }).finalResponse();
    const all = [whole, streamed, next, await ended(background.id), followed];
    expect(all.map(({ status }) => status)).not.toContain("failed");
    // The conversation it went on from is longer than its own input, by which its reservation was estimated.
    expect(next.usage?.input_tokens).toBeGreaterThan(2 * (whole.usage?.input_tokens ?? 0));
    const sum = all.reduce((total, { usage }) => total + (usage?.total_tokens ?? Number.NaN), 0);
    await expect.poll(charged, patience).toBe(sum);
    await expect.poll(inLedger, patience).toBe(sum);
    await client.responses.retrieve(whole.id);
    expect(await charged()).toBe(sum);
  });

  it("that are cancelled or left are charged what was computed", async () => {
    const before = await charged();
    const cancelled = await client.responses.create({ ...endless(), background: true });
    const left = await client.responses.create({ ...endless(), stream: true });
    for await (const event of left) if (event.type === "response.output_text.delta") break;
    expect((await client.responses.cancel(cancelled.id)).status).toBe("cancelled");
    await expect
      .poll(async () => {
        const [atGate, listed] = [await charged(), await inLedger()];
        return atGate === listed && atGate > before && atGate - before < 2 * 1_500;
      }, patience)
      .toBe(true);
  });

  it("survive the edge's death, but for those that ran in it", async () => {
    const kept = await client.responses.create(ask("Count from 1 to 5."));
    const lost = await client.responses.create({ ...endless(), background: true });
    await expect.poll(async () => (await client.responses.retrieve(lost.id)).status, patience).toBe("in_progress");
    const { edgePid } = await running.stackFile();
    for (const pid of [...(await descendants(edgePid)), edgePid]) process.kill(pid, "SIGKILL");
    await expect
      .poll(async () => client.responses.retrieve(kept.id).catch(() => undefined), { timeout: 60_000, interval: 500 })
      .toEqual(kept);
    expect(await ended(lost.id)).toMatchObject({ status: "failed", error: { code: "server_error" } });
    const next = await client.responses.create({ ...ask("And to 6."), previous_response_id: kept.id });
    expect(next.status).not.toBe("failed");
  }, 120_000);
});
