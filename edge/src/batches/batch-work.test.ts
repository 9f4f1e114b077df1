// What a batch does turn by turn, and when time passes.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LineRequest, LineResponse } from "./line-runner.ts";
import { answerTo, TestBatches } from "./testing/test-batches.ts";

let batches: TestBatches;

beforeAll(async () => {
  batches = await TestBatches.prepare();
});
afterAll(async () => batches.cleanUp());

test("when its window is over, a batch has expired with what was done by then", async () => {
  await batches.makeKey("expiring");
  await batches.withBatch(await batches.headOf("expiring", 5), async ({ state, turn }) => {
    await turn();
    let numAsked = 0;
    const slow = async (line: LineRequest): Promise<LineResponse> => {
      numAsked += 1;
      if (numAsked === 2) batches.nowMs += 2e6;
      return answerTo(line);
    };
    await turn(slow);
    expect(numAsked).toBe(4);
    expect(state().head.status).toBe("finalizing");
    expect(await turn()).toBeUndefined();
    const { status, counts, outputFileId, errorFileId } = state().head;
    expect(status).toBe("expired");
    expect(counts).toEqual({ total: 5, completed: 4, failed: 0 });
    expect(await batches.linesIn(outputFileId)).toHaveLength(4);
    expect(await batches.linesIn(errorFileId)).toMatchObject([
      { custom_id: "line-5", response: null, error: { code: "batch_expired" } },
    ]);
    expect(state().toWire()).toMatchObject({ status: "expired", expired_at: Math.floor(batches.nowMs / 1000) });
  });
});

test("results of many lines, and long ones, are in their files in the order of the input", async () => {
  await batches.makeKey("many");
  const numLines = 1_200;
  await batches.withBatch(await batches.headOf("many", numLines), async ({ state, turn }) => {
    await turn();
    const said = "x".repeat(3_000_000);
    let numAsked = 0;
    await turn(async (line) => {
      numAsked += 1;
      batches.nowMs += 2e6;
      return answerTo(line, { said });
    });
    expect(await turn()).toBeUndefined();
    const { status, outputFileId, errorFileId } = state().head;
    expect(status).toBe("expired");
    const good = await batches.linesIn(outputFileId);
    const others = await batches.linesIn(errorFileId);
    expect(good).toHaveLength(numAsked);
    expect(good[0]).toMatchObject({ response: { status_code: 200, body: { said } } });
    const inOrder = Array.from({ length: numLines }, (_, index) => `line-${index + 1}`);
    expect([...good, ...others].map(({ custom_id }) => custom_id)).toEqual(inOrder);
    expect(new Set([...good, ...others].map(({ id }) => id)).size).toBe(numLines);
  });
});

test("what is left of a batch whose answers take too much is not run", async () => {
  await batches.makeKey("full");
  await batches.withBatch(await batches.headOf("full", 20), async ({ state, turn }) => {
    await turn();
    await turn(async (line) => answerTo(line, { said: "x".repeat(10_000) }), {
      maxOutputBytes: 25_000,
      maxParallelLines: 1,
    });
    expect(await turn()).toBeUndefined();
    const { status, counts, errorFileId } = state().head;
    expect(status).toBe("completed");
    expect(counts).toEqual({ total: 20, completed: 3, failed: 17 });
    expect((await batches.linesIn(errorFileId))[0]).toMatchObject({ error: { code: "output_limit_exceeded" } });
  });
});

test("a file of several stretches is validated over several turns, and its lines are found again", async () => {
  await batches.makeKey("long");
  const head = await batches.headOf("long", 6, "x".repeat(3_000_000));
  await batches.withBatch(head, async ({ state, turn, reopen }) => {
    await turn();
    expect(state().head.status).toBe("validating");
    expect(state().book.counts().total).toBe(3);
    reopen();
    await turn();
    expect(state().head.status).toBe("in_progress");
    const users: unknown[] = [];
    await turn(async (line) => {
      users.push((JSON.parse(new TextDecoder().decode(line.body)) as { user: string }).user);
      return answerTo(line);
    });
    expect(new Set(users)).toEqual(new Set(["1", "2", "3", "4", "5", "6"]));
  });
});
