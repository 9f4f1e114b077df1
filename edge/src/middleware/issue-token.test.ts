import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { createApp } from "#edge/app.ts";
import { mintApiKey } from "#edge/auth/api-key.ts";
import { KeyGates } from "#edge/auth/key-gates.ts";
import { KeyTagger } from "#edge/auth/key-tag.ts";
import type { Scope } from "#edge/auth/scope.ts";
import { hashSecret } from "#edge/auth/secret-hash.ts";
import { buildParts } from "#edge/parts.ts";

const parts = await buildParts(env);

/** The endpoint, over the real gates, each approach to which is counted. */
function tokenEndpoint() {
  let numAsked = 0;
  const homes = new Proxy(env.KEY_GATE, {
    get: (target, property) => {
      if (property !== "getByName") throw new Error(`unexpected use of ${String(property)}`);
      numAsked += 1;
      return target.getByName.bind(target);
    },
  });
  const gates = new KeyGates({ homes, continents: env.CONTINENT_GATE, networks: parts.networks }, 5_000);
  const app = createApp({ ...parts, gates, log: { info: () => undefined, error: () => undefined } });
  const ask = async (fields: Record<string, string>) => {
    const context = createExecutionContext();
    const body = new URLSearchParams({ grant_type: "client_credentials", ...fields });
    const response = await app.fetch(
      new Request("http://edge.test/oauth/token", { method: "POST", body }),
      env,
      context,
    );
    await waitOnExecutionContext(context);
    return response;
  };
  return { ask, numAsked: () => numAsked };
}

async function provisionKey(scopes: readonly Scope[]) {
  const { keyId, secret, text } = await mintApiKey(parts.tagger, parts.entropy);
  const secretHash = await hashSecret(secret);
  const record = { keyId, orgId: "org", projectId: "project", secretHash, status: "active", createdAtMs: 0 } as const;
  await env.KEY_GATE.getByName(keyId).provision({ ...record, scopes });
  return { client_id: keyId, client_secret: text };
}

test.each(["inference", "inference usage.read admin", "admin admin inference"])(
  "one question to the key's gate decides on all of %j",
  async (scope) => {
    const { ask, numAsked } = tokenEndpoint();
    const response = await ask({ ...(await provisionKey(["inference", "usage.read", "admin"])), scope });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ scope: [...new Set(scope.split(" "))].join(" ") });
    expect(numAsked()).toBe(1);
  },
);

test("a scope that the key lacks is refused, whatever stands beside it", async () => {
  const { ask, numAsked } = tokenEndpoint();
  const response = await ask({ ...(await provisionKey(["inference"])), scope: "inference admin" });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error: "invalid_scope" });
  expect(numAsked()).toBe(1);
});

test.each<{ scopes: Scope[]; fields: Record<string, string>; granted: string }>([
  { scopes: ["inference"], fields: {}, granted: "inference" },
  { scopes: ["inference"], fields: { scope: "" }, granted: "inference" },
  { scopes: ["usage.read", "admin"], fields: {}, granted: "usage.read" },
  { scopes: ["inference", "usage.read", "admin"], fields: {}, granted: "inference usage.read" },
])("a key with $scopes that asks for $fields is granted $granted", async ({ scopes, fields, granted }) => {
  const { ask } = tokenEndpoint();
  const response = await ask({ ...(await provisionKey(scopes)), ...fields });
  expect(response.status).toBe(200);
  const { scope, access_token } = await response.json<{ scope: string; access_token: string }>();
  expect(scope).toBe(granted);
  expect(await parts.ownTokens.verify(access_token)).toMatchObject({ scopes: granted.split(" ") });
});

test("a key that only administers must ask for that", async () => {
  const { ask } = tokenEndpoint();
  const key = await provisionKey(["admin"]);
  const response = await ask(key);
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error: "invalid_scope" });
  expect(await (await ask({ ...key, scope: "admin" })).json()).toMatchObject({ scope: "admin" });
});

test("secrets that are guessed reach no gate, however many", async () => {
  const { ask, numAsked } = tokenEndpoint();
  const forger = await KeyTagger.fromSecret("a forger's secret");
  const { client_id } = await provisionKey(["inference"]);
  const guesses = await Promise.all(Array.from({ length: 50 }, async () => mintApiKey(forger, parts.entropy)));
  const guessed = guesses.map(({ keyId, text }) => text.replace(keyId, client_id));
  const answers = await Promise.all(guessed.map(async (client_secret) => ask({ client_id, client_secret })));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  expect(numAsked()).toBe(0);
});
