import type { GateQuestion } from "./admission.ts";

/** A question for tests, by the holder of a key whose secret's hash is `hash`; changed as the test needs it. */
export function testQuestion(changes: Partial<GateQuestion> = {}): GateQuestion {
  return {
    requestId: "req",
    credential: { kind: "secret", keyId: "key", secretHash: "hash" },
    scopes: ["inference"],
    ip: undefined,
    origin: undefined,
    barredFrom: [],
    model: "pocket",
    serviceTier: "default",
    demand: { promptTokens: 5, outputTokens: 5 },
    ...changes,
  };
}
