// Places as gates and ledgers lend them to each other: of projects and organizations, and of leased keys.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { ledgerName } from "#edge/rate-limit/ledger-name.ts";
import type { GateQuestion } from "./admission.ts";
import { LimitLedger } from "#edge/rate-limit/limit-ledger.ts";
import type { ContinentGate } from "./leased/continent-gate.ts";
import type { KeyGate } from "./key-gate.ts";
import type { KeyTerms } from "./key-record.ts";
import { testQuestion } from "./test-question.ts";

type Gate = DurableObjectStub<KeyGate> | DurableObjectStub<ContinentGate>;

const places = ["EU", "NA", "AS"] as const;

async function provisioned(keyId: string, orgId: string, terms: KeyTerms = {}): Promise<DurableObjectStub<KeyGate>> {
  const gate = env.KEY_GATE.getByName(keyId);
  const identity = { keyId, orgId, projectId: `project-of-${orgId}`, status: "active", createdAtMs: 0 } as const;
  await gate.provision({ ...identity, secretHash: "hash", ...terms });
  return gate;
}

/** Gates of keys of one project, which may have so many requests under way at once. */
async function gatesUnder(orgId: string, concurrentRequests: number, numGates: number): Promise<Gate[]> {
  await ledgerOf(orgId).setLimits({ concurrentRequests });
  const names = Array.from({ length: numGates }, (_, index) => `${orgId}-key-${index}`);
  return Promise.all(names.map(async (name) => provisioned(name, orgId)));
}

/** The gates of one leased key. */
async function gatesOfLeased(keyId: string, terms: KeyTerms): Promise<Gate[]> {
  await provisioned(keyId, `org-of-${keyId}`, terms);
  return places.map((place) => env.CONTINENT_GATE.getByName(`${keyId}@${place}`));
}

function ledgerOf(orgId: string) {
  return env.LIMIT_LEDGER.getByName(ledgerName("project", `project-of-${orgId}`));
}

function questionTo(gate: Gate, requestId: string): GateQuestion {
  const keyId = gate.name?.split("@")[0] ?? "";
  return testQuestion({ requestId, credential: { kind: "secret", keyId, secretHash: "hash" } });
}

interface UnderWay {
  readonly gate: Gate;
  readonly requestId: string;
}

/** So many requests at each gate, all at once. Those that were let in. */
async function burst(gates: readonly Gate[], size: number, name: string): Promise<UnderWay[]> {
  const asked = gates.flatMap((gate) =>
    Array.from({ length: size }, async (_, index) => {
      const requestId = `${name}-${gate.name}-${index}`;
      return { gate, requestId, kind: (await gate.admit(questionTo(gate, requestId))).kind };
    }),
  );
  return (await Promise.all(asked)).filter(({ kind }) => kind === "admitted");
}

/** As the platform puts an idle object to sleep: its timers run out first, and it may be asleep already. */
async function fallAsleep(object: Gate | ReturnType<typeof ledgerOf>): Promise<void> {
  await evictDurableObject(object).catch((thrown: unknown) => {
    if (!String(thrown).includes("not currently running")) throw thrown;
  });
}

async function end(underWay: readonly UnderWay[]): Promise<void> {
  const settled = underWay.map(async ({ gate, requestId }) => gate.settle([{ requestId, usedTokens: 1 }]));
  expect((await Promise.all(settled)).flat().every(Boolean)).toBe(true);
}

const kinds = [
  {
    kind: "a project",
    open: async (name: string, limit: number) => gatesUnder(name, limit, 4),
    lenderOf: ledgerOf,
  },
  {
    kind: "a leased key",
    open: async (name: string, concurrentRequests: number) =>
      gatesOfLeased(`leased-${name}`, { limits: { concurrentRequests } }),
    lenderOf: (name: string) => env.KEY_GATE.getByName(`leased-${name}`),
  },
  {
    kind: "a leased key's model",
    open: async (name: string, concurrentRequests: number) =>
      gatesOfLeased(`leased-model-${name}`, { modelLimits: { pocket: { concurrentRequests } } }),
    lenderOf: (name: string) => env.KEY_GATE.getByName(`leased-model-${name}`),
  },
];

test.each(kinds)(
  "of $kind exactly as many requests run at once as it has places, at whichever gates",
  async ({ open }) => {
    const gates = await open("exact", 17);
    const first = await burst(gates, 60, "first");
    expect(first).toHaveLength(17);
    expect(await burst(gates, 5, "more")).toEqual([]);
    await end(first);
    // All of them at one gate, of which most lay at others.
    for (const [index, gate] of gates.entries()) {
      const again = await burst([gate], 30, `again-${index}`);
      expect(again).toHaveLength(17);
      await end(again);
    }
  },
);

test.each(kinds)("of $kind a place is free for another gate as soon as its request has ended", async ({ open }) => {
  const [one, other] = await open("handover", 1);
  if (one === undefined || other === undefined) throw new Error("two gates are needed");
  for (let round = 0; round < 5; round += 1) {
    const [gate, next] = round % 2 === 0 ? [one, other] : [other, one];
    const held = await burst([gate], 1, `round-${round}`);
    expect(held).toHaveLength(1);
    const refused = await next.admit(questionTo(next, `refused-${round}`));
    expect(refused).toMatchObject({ kind: "limited", refusal: { limitName: "concurrentRequests", limit: 1, used: 1 } });
    await end(held);
  }
});

test.each(kinds)("of $kind who is refused is not told to wait for the longest request's end", async ({ open }) => {
  const [one, other] = await open("patient", 1);
  if (one === undefined || other === undefined) throw new Error("two gates are needed");
  const held = await burst([one], 1, "held");
  // Until a request of its own has ended, a gate guesses.
  expect(await other.admit(questionTo(other, "refused"))).toMatchObject({ refusal: { retryAfterMs: 1_000 } });
  await end(held);
});

// Side by side: each waits out the same timers.
test.concurrent.each(kinds)(
  "of $kind gates and ledgers that lost their memory lose and gain no place",
  async ({ open, lenderOf }) => {
    const gates = await open("asleep", 8);
    const held = await burst(gates, 10, "held");
    expect(held).toHaveLength(8);
    await Promise.all([...gates, lenderOf("asleep")].map(async (object) => fallAsleep(object)));
    expect(await burst(gates, 3, "late")).toEqual([]);
    await end(held);
    expect(await burst(gates, 10, "after")).toHaveLength(8);
  },
);

test("a gate that crashed still holds the places of its requests, and no more run than there are places", async () => {
  const [gate, other] = await gatesUnder("crashed", 4, 2);
  if (gate === undefined || other === undefined) throw new Error("two gates are needed");
  const held = await burst([gate], 3, "held");
  await runInDurableObject(gate as DurableObjectStub<KeyGate>, (_, state) => state.abort("crash")).catch(
    () => undefined,
  );
  const gateAnew = env.KEY_GATE.getByName("crashed-key-0");
  const more = await burst([other, gateAnew], 5, "more");
  expect(more.length).toBeLessThanOrEqual(1);
  await end([...more, ...held.map(({ requestId }) => ({ gate: gateAnew, requestId }))]);
  // But for what was written ahead: a request of which nobody knows whether it began.
  expect(await burst([other], 5, "after")).toHaveLength(3);
});

test("most admissions under a ceiling on concurrency ask no ledger and write nothing", async () => {
  const [gate] = (await gatesUnder("thrifty-places", 160, 1)) as DurableObjectStub<KeyGate>[];
  if (gate === undefined) throw new Error("a gate is needed");
  let numWrites = 0;
  // Calls from other objects reach what the class has, not what one instance has.
  const leasing = vi.spyOn(LimitLedger.prototype, "lease");
  await burst([gate], 3, "first");
  await runInDurableObject(gate, (_, state) => {
    const put = state.storage.kv.put.bind(state.storage.kv);
    state.storage.kv.put = (...written) => {
      numWrites += 1;
      put(...written);
    };
  });
  for (let index = 0; index < 200; index += 1) {
    const requestId = `req-${index}`;
    expect((await gate.admit(questionTo(gate, requestId))).kind).toBe("admitted");
    await gate.settle([{ requestId, usedTokens: 7 }]);
  }
  const numOrders = leasing.mock.calls.length;
  leasing.mockRestore();
  expect(numWrites).toBeLessThan(6);
  expect(numOrders).toBeGreaterThan(0);
  expect(numOrders).toBeLessThan(8);
});

test("a ceiling on concurrency that was lifted lets all in, and one that is set again counts anew", async () => {
  const gates = await gatesUnder("lifted-places", 2, 2);
  const held = await burst(gates, 3, "held");
  expect(held).toHaveLength(2);
  await ledgerOf("lifted-places").setLimits({});
  const more = await burst(gates, 3, "more");
  expect(more).toHaveLength(6);
  await end(held);
  await ledgerOf("lifted-places").setLimits({ concurrentRequests: 2 });
});

test("a leased key's concurrency can be changed, and holds on every continent at once", async () => {
  const gates = await gatesOfLeased("leased-changing", { limits: { concurrentRequests: 2 } });
  const held = await burst(gates, 3, "held");
  expect(held).toHaveLength(2);
  const change = { terms: { limits: { concurrentRequests: 5 } }, expiresAtMs: undefined };
  await env.KEY_GATE.getByName("leased-changing").change("project-of-org-of-leased-changing", change);
  expect(await burst(gates, 6, "more")).toHaveLength(3);
});
