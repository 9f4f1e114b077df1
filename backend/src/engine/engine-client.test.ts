import { expect, test } from "vitest";
import { EngineClient } from "./engine-client.ts";
import { request } from "./test-requests.ts";

const capacity = 4;
const silentPort = { send: () => {}, onMessage: () => {} };

/** What becomes of a request while the engine does not answer. */
function submitTo(client: EngineClient, tenant: string, priority = 0, n = 1): string {
  const submission = client.submit({ ...request(0, [1], 1), tenant, priority }, () => {}, { n });
  return submission.admitted ? "sent" : submission.code;
}

test("a tenant's requests of lower priority do not keep its others from the engine, which may have them give way", () => {
  const client = new EngineClient(silentPort, capacity);
  for (let count = 0; count < capacity; count += 1) expect(submitTo(client, "one", 1)).toBe("sent");
  expect(submitTo(client, "one", 1)).toBe("server_is_overloaded");
  for (let count = 0; count < capacity; count += 1) expect(submitTo(client, "one", 0)).toBe("sent");
  expect(submitTo(client, "one", 0)).toBe("server_is_overloaded");
});

test("whatever priorities and tenants there are, at most twice as many are sent as the engine can hold", () => {
  const client = new EngineClient(silentPort, capacity);
  let numSent = 0;
  for (let priority = 50; priority > -50; priority -= 1) {
    for (const tenant of ["one", `${priority}`]) numSent += Number(submitTo(client, tenant, priority) === "sent");
  }
  expect(numSent).toBe(2 * capacity);
});
