import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeEngine, startFakeEngine } from "./fake-engine.ts";
import { generateRequest, service, startGenerate, untilEnd } from "./loopback-engine.ts";

const endless = { stopping: { maxTokens: 100_000, stopTokenIds: [] } };

let loopback: FakeEngine["loopback"];
let client: FakeEngine["client"];
let steps: FakeEngine["steps"];

beforeEach(async () => {
  ({ loopback, client, steps } = await startFakeEngine());
  await loopback.load();
});
afterEach(() => loopback.close());

test("several choices come interleaved, each with its index and its finish, and the call ends with the last", async () => {
  const request = { ...generateRequest("a"), sampling: { temperature: 1, topP: 1, topK: 0, seed: 3 } };
  const one = await untilEnd(startGenerate(client, request));
  const { messages, error } = await untilEnd(startGenerate(client, { ...request, n: 3 }));
  expect(error).toBeUndefined();
  const choices = [0, 1, 2].map((index) => messages.filter((message) => message.index === index));
  const tokens = choices.map((of) => of.flatMap(({ tokenIds }) => tokenIds));
  expect(tokens[0]).toEqual(one.tokenIds);
  expect(new Set(tokens.map((ids) => ids.join())).size).toBe(3);
  for (const of of choices) expect(of.at(-1)?.finish).toMatchObject({ promptTokens: 3, completionTokens: 5 });
});

test("aborting choices ends those and not the others; aborting all ends the call", async () => {
  const call = startGenerate(client, generateRequest("a", { ...endless, n: 3 }));
  const ended = untilEnd(call);
  await loopback.untilLoad(({ totals }) => totals.generationTokens > 10);
  await abortChoices("a", [0, 2, 7]);
  await loopback.untilLoad(({ totals, numRunning }) => totals.ended.abort === 2 && numRunning === 1);
  const soFar = loopback.engineClient.model?.load.totals.generationTokens ?? 0;
  await loopback.untilLoad(({ totals }) => totals.generationTokens > soFar + 10);
  await abortChoices("a", [0, 1]);
  const { messages, error } = await ended;
  expect(error).toBeUndefined();
  expect(messages.every(({ finish }) => finish === undefined)).toBe(true);
  await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.abort === 3 && numFreeBlocks === 4096);
  await abortChoices("a", [0]);
});

test("a cancelled call frees the blocks of all its choices", async () => {
  const call = startGenerate(client, generateRequest("a", { ...endless, n: 4 }));
  const ended = untilEnd(call);
  await loopback.untilLoad(({ totals }) => totals.generationTokens > 10);
  call.cancel();
  expect((await ended).error?.code).toBe(status.CANCELLED);
  await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.abort === 4 && numFreeBlocks === 4096);
});

test("a request of more choices than are free is refused whole", async () => {
  const hold = steps.hold();
  const open = untilEnd(startGenerate(client, generateRequest("a", { n: 4 })));
  await hold.reached;
  const { error } = await untilEnd(startGenerate(client, generateRequest("b", { n: 3 })));
  expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
  hold.release();
  expect((await open).error).toBeUndefined();
  const tooMany = await untilEnd(startGenerate(client, generateRequest("c", { n: 7 })));
  expect(tooMany.error?.code).toBe(status.INVALID_ARGUMENT);
});

function abortChoices(requestId: string, indexes: number[]): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = service.abortChoices;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { requestId, indexes }, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}
