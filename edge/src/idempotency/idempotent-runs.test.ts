import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { IdempotentRuns } from "./idempotent-runs.ts";

const policy = { leaseMs: 60_000, maxWaitMs: 60_000, maxAnswerBytes: 1_000, timeoutMs: 50 };
const question = { keyId: "key", idempotencyKey: "name", path: "/", bodyHash: "hash", requestId: "req" };

/** Stores of which the given method does as told, and all else is refused. */
function storesWith(method: string, behave: () => Promise<unknown>): typeof env.IDEMPOTENCY_STORE {
  return new Proxy(env.IDEMPOTENCY_STORE, { get: () => () => ({ [method]: behave }) });
}

test.each([
  { what: "is silent", behave: async () => new Promise(() => undefined) },
  { what: "fails", behave: async () => Promise.reject(new Error("reset")) },
])("while the store $what nothing runs", async ({ behave }) => {
  const run = await new IdempotentRuns(storesWith("claim", behave), policy, Date.now).open(question);
  await expect(run.claim()).rejects.toMatchObject({ code: "unavailable", retryAfterMs: 1_000 });
});

test("who finds too many waiting is told to come back", async () => {
  const stores: typeof env.IDEMPOTENCY_STORE = new Proxy(env.IDEMPOTENCY_STORE, {
    get: () => () => ({
      claim: async () => ({ kind: "running", leasedUntilMs: Infinity }),
      claimAfterEnd: async () => ({ kind: "crowded" }),
    }),
  });
  const run = await new IdempotentRuns(stores, policy, Date.now).open(question);
  await expect(run.claim()).rejects.toMatchObject({ code: "server_is_overloaded", retryAfterMs: 1_000 });
});

test("a run is spoken for until it is over, also when words are lost", async () => {
  const over = Promise.withResolvers<void>();
  let numWords = 0;
  const stores = storesWith("renew", async () => {
    numWords += 1;
    if (numWords === 5) over.resolve();
    if (numWords % 2 === 1) throw new Error("lost");
    return true;
  });
  const run = await new IdempotentRuns(stores, { ...policy, leaseMs: 30 }, Date.now).open(question);
  await run.renewUntil(over.promise);
  expect(numWords).toBe(5);
});

test("who has lost its place falls silent", async () => {
  let numWords = 0;
  const stores = storesWith("renew", async () => {
    numWords += 1;
    return false;
  });
  const run = await new IdempotentRuns(stores, { ...policy, leaseMs: 30 }, Date.now).open(question);
  await run.renewUntil(new Promise(() => undefined));
  expect(numWords).toBe(1);
});
