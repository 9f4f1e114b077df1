import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { ResponseStores } from "./response-stores.ts";

const owner = { orgId: "org", projectId: "project", keyId: "key" };
const random = "0123456789abcdefghjkmnpqrstvwxyz".slice(0, 32);
const stored = {
  status: "completed",
  isBackground: false,
  numInputItems: 0,
  expiresAtMs: Date.now() + 60_000,
  response: "{}",
  items: "[]",
};

/** Stores over a platform that has jurisdictions, and the names that it was asked for. */
function storesIn(jurisdictions: readonly string[]) {
  const asked: string[] = [];
  const namespace: typeof env.RESPONSE_STORE = new Proxy(env.RESPONSE_STORE, {
    get: (target, property) => {
      if (property === "getByName") return target.getByName.bind(target);
      return (name: string) => {
        asked.push(name);
        // Its objects are others than those without a jurisdiction.
        return { getByName: (object: string) => target.getByName(`${name}:${object}`) };
      };
    },
  });
  return { stores: new ResponseStores(namespace, { jurisdictions, timeoutMs: 5_000 }), asked };
}

test.each([
  { id: `resp_${random}`, jurisdiction: [] },
  { id: `resp_eu_${random}`, jurisdiction: ["eu"] },
  { id: `resp_fedramp_${random}`, jurisdiction: ["fedramp"] },
])("$id lies in the jurisdiction that it names: $jurisdiction", async ({ id, jurisdiction }) => {
  const { stores, asked } = storesIn(["eu", "fedramp"]);
  await stores.keep(owner, id, stored);
  expect(await stores.read(owner, id)).toMatchObject({ response: "{}" });
  expect([...new Set(asked)]).toEqual(jurisdiction);
});

function idIn(place: string): string {
  return `resp_${place}_${random.split("").toReversed().join("")}`;
}

test("what is kept in one jurisdiction is in no other, and an id of one that the platform has not leads nowhere", async () => {
  const { stores } = storesIn(["eu", "us"]);
  await stores.keep(owner, idIn("eu"), stored);
  expect(await stores.read(owner, idIn("us"))).toBeUndefined();
  expect(await stores.read(owner, idIn("mars"))).toBeUndefined();
  expect(await stores.read(owner, idIn("eu"))).toMatchObject({ response: "{}" });
});
