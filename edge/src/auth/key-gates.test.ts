import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { GateQuestion } from "./admission.ts";
import type { GateSettlement } from "./gate-address.ts";
import { testQuestion } from "./test-question.ts";
import { KeyGates } from "./key-gates.ts";

test("an admission that comes after its caller was turned away is taken back", async () => {
  const keyId = "late-key";
  const gate = env.KEY_GATE.getByName(keyId);
  const limits = { concurrentRequests: 1, tokensPerMonth: 100 };
  const record = {
    keyId,
    orgId: "org",
    projectId: "project",
    secretHash: "hash",
    status: "active",
    createdAtMs: 0,
  } as const;
  await gate.provision({ ...record, limits });
  const question = testQuestion({
    requestId: "req-late",
    credential: { kind: "secret", keyId, secretHash: "hash" },
    demand: { promptTokens: 50, outputTokens: 50 },
  });

  // The real gate, at the far end of a slow line.
  const arrival = Promise.withResolvers<void>();
  const slow = new Proxy(env.KEY_GATE, {
    get: () => () => ({
      admit: async (asked: GateQuestion) => {
        const admission = await gate.admit(asked);
        await arrival.promise;
        return admission;
      },
      settle: async (settlements: readonly GateSettlement[]) => gate.settle(settlements),
    }),
  });
  const background: Promise<void>[] = [];
  const gates = new KeyGates(
    { homes: slow, continents: env.CONTINENT_GATE, networks: { barredFrom: async () => [] } },
    1_000,
  );
  const admitted = gates.admit({ keyId }, question, (work) => background.push(work));
  await expect(admitted).rejects.toMatchObject({ code: "unavailable" });
  expect((await gate.admit({ ...question, requestId: "req-meanwhile" })).kind).toBe("limited");

  arrival.resolve();
  await Promise.all(background);
  expect((await gate.admit({ ...question, requestId: "req-after" })).kind).toBe("admitted");
});
