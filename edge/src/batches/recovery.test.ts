// What a batch does when its object was lost.
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemEntropy } from "#edge/entropy.ts";
import { newBatchId } from "./batch-id.ts";
import type { LineRequest } from "./line-runner.ts";
import { answerTo, budgetTokens, settlementOf, TestBatches } from "./testing/test-batches.ts";

let batches: TestBatches;

beforeAll(async () => {
  batches = await TestBatches.prepare();
});
afterAll(async () => batches.cleanUp());

test("a line that was lost while it ran is given back at its gate, and runs once more", async () => {
  await batches.makeKey("losing");
  await batches.withBatch(await batches.headOf("losing", 1), async ({ state, turn, reopen }) => {
    await turn();
    await batches.reserve("losing", "req_lost", 400);
    state().book.begin(1, "req_lost");
    expect(await batches.leftOf("losing")).toBe(budgetTokens - 400);
    reopen();
    const asked: string[] = [];
    await turn(async (line) => {
      asked.push(line.requestId);
      return answerTo(line);
    });
    expect(asked).toHaveLength(1);
    expect(asked).not.toContain("req_lost");
    expect(await batches.leftOf("losing")).toBe(budgetTokens);
    expect(state().book.counts()).toEqual({ total: 1, completed: 1, failed: 0 });
  });
});

test("a line that was answered, and lost before it was paid for, is paid for once and not run again", async () => {
  await batches.makeKey("owing");
  await batches.withBatch(await batches.headOf("owing", 2), async ({ state, turn, reopen }) => {
    await turn();
    await batches.reserve("owing", "req_owed", 400);
    state().book.begin(1, "req_owed");
    const settlement = settlementOf("req_owed", "owing", 120);
    state().book.answer(1, { isGood: true, text: '{"custom_id":"line-1"}', settlement });
    reopen();
    const asked: LineRequest[] = [];
    await turn(async (line) => {
      asked.push(line);
      return answerTo(line);
    });
    expect(asked).toHaveLength(1);
    expect(await batches.leftOf("owing")).toBe(budgetTokens - 120);
    expect(state().book.uncharged()).toEqual([]);
    await turn();
    const lines = await batches.linesIn(state().head.outputFileId);
    expect(lines.map(({ custom_id }) => custom_id)).toEqual(["line-1", "line-2"]);
  });
});

test("a result file that was complete when the object was lost is not written twice", async () => {
  await batches.makeKey("writing");
  await batches.withBatch(await batches.headOf("writing", 1), async ({ state, turn }) => {
    await turn();
    await turn();
    expect(state().head.status).toBe("finalizing");
    await turn();
    const { outputFileId } = state().head;
    expect(outputFileId).toBeDefined();
    // As it was after the file and before the head said so.
    const { outputFileId: _, endedAtMs: __, counts: ___, ...lost } = state().head;
    await batches.withBatch(
      { ...lost, id: newBatchId(systemEntropy), status: "finalizing", draftFileId: outputFileId },
      async (again) => {
        again.state().book.add({ number: 1, customId: "line-1", offset: 0, length: 1 });
        again.state().book.answer(1, { isGood: true, text: "{}", settlement: undefined });
        expect(await again.turn()).toBeUndefined();
        expect(again.state().head.outputFileId).toBe(outputFileId);
      },
    );
  });
});
