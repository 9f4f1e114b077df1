import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { createApp } from "./app.ts";
import { mintApiKey } from "./auth/api-key.ts";
import { KeyGates } from "./auth/key-gates.ts";
import { KeyTagger } from "./auth/key-tag.ts";
import { hashSecret } from "./auth/secret-hash.ts";
import { UncheckedAdmissions } from "./auth/unchecked-admissions.ts";
import { buildParts } from "./parts.ts";

const parts = await buildParts(env);
const silent = { info: () => undefined, error: () => undefined };

/** The app, over gates that count how often they are approached. */
function countingApp(
  timeoutMs = 5_000,
  answers: (numApproached: number) => boolean = () => true,
  config = parts.config,
) {
  let numApproached = 0;
  const unchecked = new UncheckedAdmissions(config.failPolicy, parts.now);
  const namespace = new Proxy(env.KEY_GATE, {
    get: (target, property) => {
      if (property !== "getByName") throw new Error(`unexpected use of ${String(property)}`);
      numApproached += 1;
      return answers(numApproached)
        ? target.getByName.bind(target)
        : () => ({ admit: async () => new Promise(() => undefined) });
    },
  });
  const app = createApp({
    ...parts,
    log: silent,
    config,
    unchecked,
    gates: new KeyGates({ homes: namespace, continents: env.CONTINENT_GATE, networks: parts.networks }, timeoutMs),
  });
  const ask = async (key: string) => {
    const context = createExecutionContext();
    const init = { headers: { authorization: `Bearer ${key}` } };
    const response = await app.fetch(new Request("http://edge.test/v1/models", init), env, context);
    await waitOnExecutionContext(context);
    return response;
  };
  return { ask, numApproached: () => numApproached };
}

test("a key that this deployment did not mint is refused without touching its gate", async () => {
  const { ask, numApproached } = countingApp();
  const forged = await mintApiKey(await KeyTagger.fromSecret("a forger's secret"), parts.entropy);
  expect((await ask(forged.text)).status).toBe(401);
  expect(numApproached()).toBe(0);

  const minted = await mintApiKey(parts.tagger, parts.entropy);
  expect((await ask(minted.text)).status).toBe(401);
  expect(numApproached()).toBe(1);
});

test("while a gate does not answer, nobody is let in", async () => {
  const { ask } = countingApp(50, () => false);
  const response = await ask((await mintApiKey(parts.tagger, parts.entropy)).text);
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("1");
  expect(await response.json()).toMatchObject({ error: { code: "unavailable" } });
});

test("an open deployment lets in whom the gate admitted before it fell silent, and nobody else", async () => {
  const config = { ...parts.config, failPolicy: { mode: "open", maxUncheckedPerMinute: 1 } as const };
  const { ask } = countingApp(50, (numApproached) => numApproached <= 1, config);
  const { keyId, secret, text } = await mintApiKey(parts.tagger, parts.entropy);
  const secretHash = await hashSecret(secret);
  const record = { keyId, orgId: "org", projectId: "project", secretHash, status: "active", createdAtMs: 0 } as const;
  await env.KEY_GATE.getByName(keyId).provision(record);
  // 503 is what becomes of an admitted request here, where no region can be reached.
  const messages = [];
  for (let count = 0; count < 3; count += 1) messages.push(await messageOf(await ask(text)));
  messages.push(await messageOf(await ask((await mintApiKey(parts.tagger, parts.entropy)).text)));
  expect(messages).toEqual([noRegion, noRegion, notChecked, notChecked]);
});

const noRegion = "No healthy region can serve this request at the moment.";
const notChecked = "The key could not be checked at the moment.";

async function messageOf(response: Response): Promise<string> {
  const { error } = await response.json<{ error: { message: string } }>();
  return error.message;
}
