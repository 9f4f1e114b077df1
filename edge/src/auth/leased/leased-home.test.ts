import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import type { KeyRecord } from "#edge/auth/key-record.ts";
import { LeasedHome } from "./leased-home.ts";
import { type Loan, loanMs } from "./loan.ts";

afterEach(() => vi.useRealTimers());

const record: KeyRecord = {
  keyId: "leased-home",
  orgId: "org",
  projectId: "project",
  status: "active",
  createdAtMs: 0,
};
const revoked = { ...record, status: "revoked" } as const;

/** A change of a key that one gate has borrowed. Nothing is waited for but fake timers. */
async function changeTold(
  name: string,
  recall: () => Promise<void>,
  observe: (change: { readonly isComplete: () => boolean; readonly told: readonly Loan[] }) => Promise<void>,
): Promise<void> {
  await runInDurableObject(env.KEY_GATE.getByName(name), async (_, state) => {
    vi.useFakeTimers();
    const told: Loan[] = [];
    const home = new LeasedHome(
      {
        kv: state.storage.kv,
        leaseMs: 60_000,
        recallTimeoutMs: 1_000,
        recall: async (_borrower, loan) => (told.push(loan), recall()),
        recallPlaces: async () => Promise.reject(new Error("nobody holds places")),
      },
      record,
    );
    home.lend("leased-home@EU", undefined);
    home.revise(revoked);
    let isComplete = false;
    const complete = home.recall().then(() => (isComplete = true));
    await observe({ isComplete: () => isComplete, told });
    await complete;
  });
}

test("a change waits for no loan when every gate has heard of it", async () => {
  await changeTold(
    "home-confirmed",
    async () => undefined,
    async ({ isComplete, told }) => {
      await vi.advanceTimersByTimeAsync(1);
      expect(isComplete()).toBe(true);
      expect(told).toEqual([{ revision: 1, record: revoked }]);
    },
  );
});

test.each([
  { way: "does not answer", recall: async () => new Promise<void>(() => undefined) },
  { way: "cannot be reached", recall: async () => Promise.reject(new Error("no way")) },
])("a change waits for a gate that $way until its loan has run out, and no longer", async ({ way, recall }) => {
  await changeTold(`home-${way}`, recall, async ({ isComplete, told }) => {
    await vi.advanceTimersByTimeAsync(loanMs - 1);
    expect(isComplete()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(told).toEqual([{ revision: 1, record: revoked }]);
  });
});
