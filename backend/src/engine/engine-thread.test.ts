import { afterEach, expect, test } from "vitest";
import { type EngineThread, startEngineThread } from "./engine-thread.ts";
import type { FakeEngineOptions } from "./fake-engine-worker.ts";
import type { GenerationRequest, SequenceEvent } from "./generation.ts";

const limits = { maxNumBatchedTokens: 64, maxNumSeqs: 2, maxQueuedRequests: 2, maxQueuedTokens: 100 };
const request: Omit<GenerationRequest, "sequenceId"> = {
  promptTokenIds: [1, 2, 3],
  sampling: { temperature: 0, topP: 1, topK: 0, seed: 0 },
  stopping: { maxTokens: 5, stopTokenIds: [] },
  priority: 0,
  cacheSalt: "",
  tenant: "",
};

let thread: EngineThread | undefined;
afterEach(async () => {
  await thread?.close();
});

test("runs sequences in another thread and gives their events back in order", async () => {
  const { client } = start();
  await untilLoaded(client);
  const events: SequenceEvent[] = [];
  await new Promise<void>((resolve) => {
    client.submit(request, (event) => {
      events.push(event);
      if (event.kind === "finished") resolve();
    });
  });
  expect(events.flatMap((event) => (event.kind === "failed" ? [] : event.tokenIds))).toHaveLength(5);
  expect(client.model?.load).toMatchObject({ numRunning: 0, numFreeBlocks: 64, totals: { generationTokens: 5 } });
});

test("an aborted sequence is heard of no more and its blocks return", async () => {
  const { client } = start();
  await untilLoaded(client);
  const events: SequenceEvent[] = [];
  const submission = client.submit({ ...request, stopping: { maxTokens: 200, stopTokenIds: [] } }, (event) => {
    events.push(event);
    if (events.length === 3 && submission.admitted) submission.abort();
  });
  await until(client, () => client.model?.load.totals.ended.abort === 1);
  expect(events).toHaveLength(3);
  expect(client.model?.load.numFreeBlocks).toBe(64);
});

test("refuses at once what the engine could not hold, also while it cannot answer", async () => {
  const { client } = start();
  await untilLoaded(client);
  const submissions = Array.from({ length: 5 }, () => client.submit(request, () => {}));
  expect(submissions.map(({ admitted }) => admitted)).toEqual([true, true, true, true, false]);
});

test("when the thread dies every live request fails, and so it is said", async () => {
  const started = start({ spec: {}, fatalTokenId: 13 });
  await untilLoaded(started.client);
  const failed = new Promise<SequenceEvent>((resolve) => {
    started.client.submit({ ...request, promptTokenIds: [13] }, resolve);
  });
  expect(await failed).toMatchObject({ kind: "failed", code: "unavailable" });
  expect(await started.died).toBeInstanceOf(Error);
  expect(started.client.model).toBeUndefined();
});

function start(executor: FakeEngineOptions = { spec: {} }): EngineThread {
  thread = startEngineThread(new URL("./fake-engine-worker.ts", import.meta.url), { executor, limits });
  return thread;
}

function untilLoaded(client: EngineThread["client"]): Promise<void> {
  return until(client, () => client.model !== undefined);
}

function until(client: EngineThread["client"], holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.onChange(check);
    function check(): void {
      if (!holds()) return;
      stop();
      resolve();
    }
    check();
  });
}
